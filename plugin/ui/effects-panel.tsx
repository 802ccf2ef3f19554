import { useEffect, useRef, useState } from 'preact/hooks';
import type { Background } from '../backgrounds';
import { MAX_CLIP_BYTES } from '../../effects';
import type { EffectChoice } from '../config';
import type { EffectsControl, EffectsStatus } from '../effects-control';
import { size, text } from '../i18n';
import type { Key } from '../i18n/en';
import type { Refusal } from '../pictures';
import { MAX_FILE_BYTES, MAX_PICTURES, MAX_VIDEOS } from '../pictures';
import { Panel } from './panel';
import { useObservable } from './use-observable';

const NAMES: Readonly<Record<EffectChoice, { readonly name: Key; readonly hint: Key; readonly blur: number }>> = {
  off: { name: 'effectOff', hint: 'effectOffHint', blur: 0 },
  'slight-blur': { name: 'effectSlightBlur', hint: 'effectSlightBlurHint', blur: 1.6 },
  blur: { name: 'effectBlur', hint: 'effectBlurHint', blur: 5 },
};

export const EffectsPanel = ({ control, onClose }: { readonly control: EffectsControl; readonly onClose: () => void }) => {
  const { choice, status, backgrounds } = useObservable(control.view);
  useEffect(() => void control.refresh(), [control]);
  const tiles = (colours: boolean) =>
    backgrounds.filter((each) => (each.kind === 'colour') === colours).map((each) => <Tile key={each.id} background={each} chosen={each.id === choice} control={control} />);
  return (
    <Panel id="effects-title" title={text('effectsTitle')} onClose={onClose}>
      <div role="radiogroup" aria-labelledby="effects-title">
        <div class="options">
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
        <h3 id="effects-pictures">{text('effectPictures')}</h3>
        <div class="tiles" role="group" aria-labelledby="effects-pictures">
          {tiles(false)}
        </div>
        <Upload control={control} />
        <h3 id="effects-colours">{text('effectColours')}</h3>
        <div class="tiles colours" role="group" aria-labelledby="effects-colours">
          {tiles(true)}
        </div>
      </div>
      <Status status={status} onRetry={() => control.retry()} />
    </Panel>
  );
};

const Tile = ({ background, chosen, control }: { readonly background: Background; readonly chosen: boolean; readonly control: EffectsControl }) => {
  const { id, name } = background;
  const ref = useRef<HTMLDivElement>(null);
  const remove = async (): Promise<void> => {
    const group = ref.current?.closest('[role=radiogroup]');
    await control.remove(id);
    // The button is gone with its tile: focus would fall out of the panel.
    group?.querySelector<HTMLElement>('input:checked')?.focus();
  };
  return (
    <div class="tile" ref={ref}>
      <label title={name}>
        <input type="radio" name="effect" value={id} checked={chosen} onChange={() => control.choose(id)} />
        {background.kind === 'colour' ? (
          <svg class="thumb" aria-hidden="true">
            <rect width="100%" height="100%" fill={background.colour} />
          </svg>
        ) : (
          <Thumbnail {...background} />
        )}
        {background.kind === 'video' && <span class="badge video">{text('videoBadge')}</span>}
        <span class="caption">{name}</span>
      </label>
      {background.kind !== 'colour' && background.own && (
        <button class="remove" type="button" aria-label={text('pictureDelete', { name })} title={text('pictureDelete', { name })} onClick={() => void remove()}>
          <svg width="10" height="10" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" />
          </svg>
        </button>
      )}
    </div>
  );
};

/** Always still, also that of a video. One of the user's own is drawn: a strict policy forbids images from blob addresses. */
const Thumbnail = ({ kind, source, poster }: Exclude<Background, { kind: 'colour' }>) => {
  const ref = useRef<HTMLCanvasElement>(null);
  const picture = poster ?? source;
  useEffect(() => {
    if (typeof picture === 'string') return;
    createImageBitmap(picture).then(
      (bitmap) => {
        const canvas = ref.current;
        if (canvas) {
          const scale = Math.max(canvas.width / bitmap.width, canvas.height / bitmap.height);
          const [width, height] = [bitmap.width * scale, bitmap.height * scale];
          const context = canvas.getContext('2d');
          if (context) context.imageSmoothingQuality = 'high';
          context?.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
        }
        bitmap.close();
      },
      () => undefined, // an empty tile with a name; choosing it tells what is wrong
    );
  }, [picture]);
  if (typeof picture !== 'string') return <canvas class="thumb" width="224" height="126" ref={ref} />;
  // A video that never plays shows its first picture.
  return kind === 'video' && poster === undefined ? <video class="thumb" src={picture} preload="metadata" muted /> : <img class="thumb" src={picture} alt="" />;
};

const REFUSALS: Readonly<Record<Refusal, (() => string)>> = {
  'too-large': () => text('pictureTooLarge', { size: size(MAX_FILE_BYTES) }),
  'not-a-picture': () => text('pictureNotOne'),
  'too-many': () => text('pictureTooMany', { count: MAX_PICTURES }),
  'video-too-large': () => text('videoTooLarge', { size: size(MAX_CLIP_BYTES) }),
  'not-a-video': () => text('videoNotOne'),
  'video-unsupported': () => text('videoUnsupported'),
  'too-many-videos': () => text('videoTooMany', { count: MAX_VIDEOS }),
  storage: () => text('pictureStorage'),
};

const Upload = ({ control }: { readonly control: EffectsControl }) => {
  const file = useRef<HTMLInputElement>(null);
  const [refusal, setRefusal] = useState<Refusal | undefined>(undefined);
  const take = async (input: HTMLInputElement): Promise<void> => {
    const [picture] = input.files ?? [];
    if (!picture) return;
    setRefusal(undefined);
    setRefusal(await control.upload(picture));
    input.value = ''; // so that the same file can be tried again
  };
  return (
    <>
      <input class="file" type="file" accept="image/*,video/mp4,video/webm,video/quicktime" tabIndex={-1} aria-hidden="true" ref={file} onChange={(event) => void take(event.currentTarget)} />
      <button class="button wide" type="button" onClick={() => file.current?.click()}>
        {text('pictureAdd')} …
      </button>
      <p class="refusal" role="alert">
        {refusal && REFUSALS[refusal]()}
      </p>
    </>
  );
};

const STATUS: Readonly<Record<EffectsStatus['kind'], { readonly key: Key | null; readonly dot: string }>> = {
  off: { key: null, dot: '' },
  idle: { key: 'effectIdle', dot: '' },
  starting: { key: 'effectStarting', dot: 'wait' },
  on: { key: 'effectRunning', dot: 'on' },
  system: { key: 'effectSystemHint', dot: 'on' },
  failed: { key: 'effectFailed', dot: 'bad' },
};

const Status = ({ status, onRetry }: { readonly status: EffectsStatus; readonly onRetry: () => void }) => {
  const { key, dot } = STATUS[status.kind];
  return (
    <p class="status" role="status">
      {key !== null && <span class={`dot ${dot}`} aria-hidden="true" />}
      {status.kind === 'system' && <span class="badge system">{text('effectSystem')}</span>}
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
