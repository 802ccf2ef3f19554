import { readConfig } from '../../plugin/config';

const read = (given: unknown) => {
  const warnings: string[] = [];
  return { config: readConfig(given, (sentence) => warnings.push(sentence)), warnings };
};

const DEFAULTS = {
  effects: { enabled: true, privacy: 'preferred', default: 'off', remember: true },
  recorder: { enabled: true, announce: true, videoBitsPerSecond: 2_500_000 },
};

test('no flags at all mean the defaults, silently', () => {
  expect(read(undefined)).toEqual({ config: DEFAULTS, warnings: [] });
  expect(read({})).toEqual({ config: DEFAULTS, warnings: [] });
});

test('a wrong value costs one warning with path, finding and what is allowed; the other flags count', () => {
  const { config, warnings } = read({ effects: { default: 'bluur', remember: false }, recorder: { enabled: false } });
  expect(warnings).toEqual(['config.greenroom.effects.default is "bluur", but must be "off" or "slight-blur" or "blur"; the default is used.']);
  expect(config).toEqual({ effects: { ...DEFAULTS.effects, remember: false }, recorder: { ...DEFAULTS.recorder, enabled: false } });
});

test.each([
  [{ recorder: { enabled: 'no' } }, 'config.greenroom.recorder.enabled is "no", but must be boolean; the default is used.'],
  [{ recorder: { videoBitsPerSecond: 5 } }, 'config.greenroom.recorder.videoBitsPerSecond is 5, but must be >=100000; the default is used.'],
  [{ recorder: { videoBitsPerSecond: 200_000.5 } }, 'config.greenroom.recorder.videoBitsPerSecond is 200000.5, but must be a whole number; the default is used.'],
  [{ efects: {} }, 'config.greenroom.efects is not a flag and is ignored; please check its spelling.'],
  [{ effects: { blur: 3 } }, 'config.greenroom.effects.blur is not a flag and is ignored; please check its spelling.'],
  [{ effects: 'on' }, 'config.greenroom.effects is "on", but must be an object; the default is used.'],
  ['on', 'config.greenroom is "on", but must be an object; the default is used.'],
  [null, 'config.greenroom is null, but must be an object; the default is used.'],
  [{ effects: () => 1 }, 'config.greenroom.effects is Function, but must be an object; the default is used.'],
  [{ effects: { enabled: [true] } }, 'config.greenroom.effects.enabled is Array, but must be boolean; the default is used.'],
])('%j is reported and the defaults stand', (given, warning) => {
  expect(read(given)).toEqual({ config: DEFAULTS, warnings: [warning] });
});

test('several wrong flags are each reported once', () => {
  const { config, warnings } = read({ effects: { enabled: 1, default: 2 }, recorder: { announce: 'x', wrong: true } });
  expect(config).toEqual(DEFAULTS);
  expect(warnings).toHaveLength(4);
});

test('what was read is frozen and no longer the page’s', () => {
  const page = { effects: { default: 'blur' } };
  const { config } = read(page);
  page.effects.default = 'off';
  expect(config.effects.default).toBe('blur');
  expect(() => Object.assign(config.effects, { default: 'off' })).toThrow(TypeError);
});
