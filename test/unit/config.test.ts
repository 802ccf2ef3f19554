import { readConfig } from '../../plugin/config';

const read = (given: unknown) => {
  const warnings: string[] = [];
  return { config: readConfig(given, 'https://meet.example/sub/', (sentence) => warnings.push(sentence)), warnings };
};

const DEFAULTS = {
  effects: { enabled: true, privacy: 'preferred', trustSystemBlur: false, takeOverVirtualBackground: false, default: 'off', remember: true, pictures: [], videos: [] },
  recorder: { enabled: true, announce: true, source: 'tab', sources: ['tab', 'room', 'sound', 'self'], layout: 'gallery', videoCodec: 'auto', videoBitsPerSecond: 2_500_000, audioBitsPerSecond: 128_000, encrypt: 'off', keepDays: 0 },
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
  [{ recorder: { encrypt: true } }, 'config.greenroom.recorder.encrypt is true, but must be "off" or "device" or "passphrase"; the default is used.'],
  [{ recorder: { videoCodec: 'h265' } }, 'config.greenroom.recorder.videoCodec is "h265", but must be "auto" or "vp8" or "vp9" or "av1"; the default is used.'],
  [{ recorder: { audioBitsPerSecond: 8_000 } }, 'config.greenroom.recorder.audioBitsPerSecond is 8000, but must be >=16000; the default is used.'],
  [{ recorder: { keepDays: -1 } }, 'config.greenroom.recorder.keepDays is -1, but must be >=0; the default is used.'],
  [{ efects: {} }, 'config.greenroom.efects is not a flag and is ignored; please check its spelling.'],
  [{ effects: { blur: 3 } }, 'config.greenroom.effects.blur is not a flag and is ignored; please check its spelling.'],
  [{ effects: 'on' }, 'config.greenroom.effects is "on", but must be an object; the default is used.'],
  ['on', 'config.greenroom is "on", but must be an object; the default is used.'],
  [null, 'config.greenroom is null, but must be an object; the default is used.'],
  [{ effects: () => 1 }, 'config.greenroom.effects is Function, but must be an object; the default is used.'],
  [{ effects: { pictures: 'lobby.jpg' } }, 'config.greenroom.effects.pictures is "lobby.jpg", but must be a list; the default is used.'],
  [{ effects: { enabled: [true] } }, 'config.greenroom.effects.enabled is Array, but must be boolean; the default is used.'],
])('%j is reported and the defaults stand', (given, warning) => {
  expect(read(given)).toEqual({ config: DEFAULTS, warnings: [warning] });
});

test('pictures come from this site alone; each wrong entry costs one warning with its own place, and only that entry', () => {
  const { config, warnings } = read({
    effects: {
      pictures: [
        { name: 'Elsewhere', url: 'https://other.example/a.jpg' },
        { name: 'Lobby', url: 'static/lobby.jpg' },
        { name: 5, url: 'javascript:1' },
        { name: 'Roof', url: '/roof.webp' },
        { name: 'Nothing' },
      ],
    },
  });
  expect(config.effects.pictures).toEqual([
    { name: 'Lobby', url: 'https://meet.example/sub/static/lobby.jpg' },
    { name: 'Roof', url: 'https://meet.example/roof.webp' },
  ]);
  expect(warnings).toHaveLength(3);
  expect(warnings.map((each) => /pictures\.\d/.exec(each)?.[0])).toEqual(['pictures.4', 'pictures.2', 'pictures.0']);
  expect(warnings[2]).toBe('config.greenroom.effects.pictures.0.url is "https://other.example/a.jpg", but must be an address on this site; this entry is ignored.');
});

test('an unknown source of recordings is left out, and a list of none is all of them', () => {
  const some = read({ recorder: { sources: ['room', 'everything'] } });
  expect(some.config.recorder.sources).toEqual(['room']);
  expect(some.warnings).toHaveLength(1);
  expect(read({ recorder: { sources: [] } }).config).toEqual(DEFAULTS);
});

test('videos come from this site alone, and so do their posters', () => {
  const { config, warnings } = read({
    effects: {
      videos: [
        { name: 'Waves', url: '/waves.webm', poster: 'waves.jpg' },
        { name: 'Clouds', url: '/clouds.mp4' },
        { name: 'Spy', url: '/spy.webm', poster: 'https://other.example/spy.jpg' },
      ],
    },
  });
  expect(config.effects.videos).toEqual([
    { name: 'Waves', url: 'https://meet.example/waves.webm', poster: 'https://meet.example/sub/waves.jpg' },
    { name: 'Clouds', url: 'https://meet.example/clouds.mp4' },
  ]);
  expect(warnings).toEqual(['config.greenroom.effects.videos.2.poster is "https://other.example/spy.jpg", but must be an address on this site; this entry is ignored.']);
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
