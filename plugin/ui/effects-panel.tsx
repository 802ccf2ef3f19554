import type { EffectChoice } from '../config';
import type { EffectsControl, EffectsStatus } from '../effects-control';
import { text } from '../i18n';
import type { Key } from '../i18n/en';
import { Panel } from './panel';
import { useObservable } from './use-observable';

const NAMES: Readonly<Record<EffectChoice, { readonly name: Key; readonly hint: Key; readonly blur: number }>> = {
  off: { name: 'effectOff', hint: 'effectOffHint', blur: 0 },
  'slight-blur': { name: 'effectSlightBlur', hint: 'effectSlightBlurHint', blur: 1.6 },
  blur: { name: 'effectBlur', hint: 'effectBlurHint', blur: 5 },
};

export const EffectsPanel = ({ control, onClose }: { readonly control: EffectsControl; readonly onClose: () => void }) => {
  const { choice, status } = useObservable(control.view);
  return (
    <Panel id="effects-title" title={text('effectsTitle')} onClose={onClose}>
      <div class="options" role="radiogroup" aria-labelledby="effects-title">
        {control.choices.map((each) => (
          <label class="option" key={each}>
            <input type="radio" name="effect" value={each} checked={each === choice} onChange={() => control.choose(each)} />
            <Swatch blur={NAMES[each].blur} />
            <span>
              <span class="name">{text(NAMES[each].name)}</span>
              <br />
              <span class="hint">{text(NAMES[each].hint)}</span>
            </span>
          </label>
        ))}
      </div>
      <Status status={status} onRetry={() => control.retry()} />
    </Panel>
  );
};

const STATUS: Readonly<Record<EffectsStatus['kind'], { readonly key: Key | null; readonly dot: string }>> = {
  off: { key: null, dot: '' },
  idle: { key: 'effectIdle', dot: '' },
  starting: { key: 'effectStarting', dot: 'wait' },
  on: { key: 'effectRunning', dot: 'on' },
  failed: { key: 'effectFailed', dot: 'bad' },
};

const Status = ({ status, onRetry }: { readonly status: EffectsStatus; readonly onRetry: () => void }) => {
  const { key, dot } = STATUS[status.kind];
  return (
    <p class="status" role="status">
      {key !== null && <span class={`dot ${dot}`} aria-hidden="true" />}
      {key !== null && <span>{text(key)}</span>}
      {status.kind === 'failed' && (
        <button class="button" type="button" onClick={onRetry}>
          {text('tryAgain')}
        </button>
      )}
    </p>
  );
};

/** A room with a person in it, behind as much blur as the choice means. */
const Swatch = ({ blur }: { readonly blur: number }) => (
  <svg class="swatch" viewBox="0 0 64 40" aria-hidden="true">
    <defs>
      <filter id={`blur-${blur}`} x="-20%" y="-20%" width="140%" height="140%">
        <feGaussianBlur stdDeviation={blur} edgeMode="duplicate" />
      </filter>
    </defs>
    <g filter={blur > 0 ? `url(#blur-${blur})` : undefined}>
      <rect x="-8" y="-8" width="80" height="56" fill="#c9b79c" />
      <rect x="4" y="5" width="16" height="20" fill="#6fa8c9" stroke="#fff" stroke-width="2" />
      <path d="M44 40V16h16v24M44 24h16M44 32h16" stroke="#7a4f2c" stroke-width="2.5" fill="#a86f43" />
      <path d="M46 23v-5M49 23v-6M52 23v-4" stroke="#2f6f5e" stroke-width="2" />
    </g>
    <circle cx="32" cy="18" r="7" fill="#3b2f2a" />
    <path d="M17 40c1-9 7-13 15-13s14 4 15 13z" fill="#2f4f7f" />
  </svg>
);
