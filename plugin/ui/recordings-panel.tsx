import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { RecorderState, RecordingInfo, RecordingSource } from '../../recorder';
import { day, duration, size, text } from '../i18n';
import type { Key } from '../i18n/en';
import { type RecorderControl, type RecordingsView, titleOf } from '../recorder-control';
import { Panel } from './panel';
import { PassphraseForm } from './passphrase-form';
import { SaveMenu } from './save-menu';
import { useKeptFocus } from './use-kept-focus';
import { useObservable } from './use-observable';

const HOUR_MS = 3_600_000;

/** Milliseconds since `from`, once a second while it is given. */
const useElapsed = (from: number | undefined): number => {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (from === undefined) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [from]);
  return from === undefined ? 0 : Math.max(0, now - from);
};

export const RecordingsPanel = ({ control, onClose }: { readonly control: RecorderControl; readonly onClose: () => void }) => {
  const view = useObservable(control.view);
  const was = useRef(view.state.kind);
  const controls = useKeptFocus();
  useEffect(() => void control.refresh(), [control]);
  // Before the next frame: where nothing is asked, a recording may have started by then.
  useLayoutEffect(
    () =>
      control.view.subscribe(({ state }) => {
        // The panel would be in the picture; the pill says all there is to say.
        if (state.kind === 'recording' && was.current === 'starting') onClose();
        was.current = state.kind;
      }),
    [control],
  );
  const recordings = view.list.filter((info) => !(info.id === currentId(view)));
  return (
    <Panel id="recordings-title" title={text('recordTitle')} onClose={onClose}>
      <div ref={controls}>
        <Controls control={control} view={view} />
      </div>
      {recordings.length === 0 ? (
        <p class="empty">{text('recordEmpty')}</p>
      ) : (
        <ul class="list">
          {recordings.map((info) => (
            <Item key={info.id} info={info} control={control} view={view} />
          ))}
        </ul>
      )}
    </Panel>
  );
};

const currentId = ({ state }: RecordingsView): string | undefined =>
  state.kind === 'recording' || state.kind === 'paused' || state.kind === 'stopping' ? state.info.id : undefined;

/** What has been recorded so far, without the pauses, ms. */
const useRecorded = ({ state }: RecordingsView): number => {
  const elapsed = useElapsed(state.kind === 'recording' ? state.since : undefined);
  return state.kind === 'paused' ? state.recordedMs : elapsed;
};

const SOURCES: Readonly<Record<RecordingSource, { readonly name: Key; readonly hint: Key }>> = {
  tab: { name: 'recordTab', hint: 'recordTabHint' },
  room: { name: 'recordRoom', hint: 'recordRoomHint' },
  sound: { name: 'recordSound', hint: 'recordSoundHint' },
  self: { name: 'recordSelf', hint: 'recordSelfHint' },
};

const Sources = ({ control, chosen }: { readonly control: RecorderControl; readonly chosen: RecordingSource }) => (
  <div class="options" role="radiogroup" aria-label={text('recordWhat')}>
    {control.sources.map((source) => (
      <label class="option" key={source}>
        <input type="radio" name="source" value={source} checked={source === chosen} onChange={() => control.choose(source)} />
        <span>
          <span class="name">{text(SOURCES[source].name)}</span>
          <br />
          <span class="hint">{text(SOURCES[source].hint)}</span>
        </span>
      </label>
    ))}
  </div>
);

/** The loudest sample, in the 60 dB that people can tell apart. */
const Level = ({ control }: { readonly control: RecorderControl }) => {
  const [peak, setPeak] = useState(0);
  useEffect(() => control.subscribeLevel(setPeak), [control]);
  const decibels = 20 * Math.log10(Math.max(peak, 0.001));
  return <meter class="level" min={-60} max={0} low={-50} optimum={-20} high={-1} value={decibels} aria-label={text('recordLevel')} />;
};

/** How long the disk will do, to the minute while that is long; nothing where the browser does not say. */
const roomLeft = (state: RecorderState): string => {
  const ms = state.kind === 'recording' ? state.remainingMs : null;
  if (ms === null) return '';
  if (ms > 24 * HOUR_MS) return text('recordRoomPlenty');
  return text('recordRoomLeft', { duration: duration(ms > HOUR_MS / 6 ? Math.floor(ms / 60_000) * 60_000 : ms) });
};

const Markers = ({ control, info }: { readonly control: RecorderControl; readonly info: RecordingInfo }) =>
  info.markers.length === 0 ? null : (
    <>
      <h3 id="markers-title">{text('recordMarkers')}</h3>
      <ol class="markers" aria-labelledby="markers-title">
        {info.markers.map(({ atMs, label }, index) => (
          <li key={index} class="row">
            <span class="time">{duration(atMs)}</span>
            <input
              class="text"
              value={label}
              maxLength={80}
              aria-label={text('recordMarkerLabel', { time: duration(atMs) })}
              onChange={(event) => void control.renameMarker(index, event.currentTarget.value)}
            />
          </li>
        ))}
      </ol>
    </>
  );

/** What can be done to a recording that runs or is paused. */
const Transport = ({ control, paused }: { readonly control: RecorderControl; readonly paused: boolean }) => (
  <>
    <button class="button mark" type="button" title={text('recordMarkHelp')} onClick={() => void control.mark()}>
      {text('recordMark')}
    </button>
    <button class="button" type="button" onClick={() => (paused ? control.resume() : control.pause())}>
      {text(paused ? 'recordResume' : 'recordPause')}
    </button>
    <button class="button stop" type="button" onClick={() => void control.stop()}>
      {text('recordStop')}
    </button>
  </>
);

const Controls = ({ control, view }: { readonly control: RecorderControl; readonly view: RecordingsView }) => {
  const { state } = view;
  const recorded = useRecorded(view);
  switch (state.kind) {
    case 'recording':
    case 'paused':
      return (
        <>
          <div class="status">
            {text(state.kind === 'paused' ? 'recordPaused' : 'recording')} · {duration(recorded)} · {size(state.info.bytes)}
            <Level control={control} />
          </div>
          <p class="hint room">{roomLeft(state)}</p>
          <div class="row actions">
            <Transport control={control} paused={state.kind === 'paused'} />
          </div>
          <Markers control={control} info={state.info} />
        </>
      );
    case 'starting':
    case 'stopping':
      return (
        <button class="button wide" type="button" disabled>
          {text(state.kind === 'starting' ? 'recordStarting' : 'recordStopping')}
        </button>
      );
    default:
      if (view.question !== null) {
        const { question } = view;
        const isNew = question === 'choose' && view.list.some(({ locked }) => locked);
        return (
          <PassphraseForm
            id="passphrase-start"
            kind={question}
            why={text(question === 'enter' ? 'passphraseEnterWhy' : isNew ? 'passphraseNewWhy' : 'passphraseChooseWhy')}
            action={text('recordStart')}
            onGiven={(passphrase) => control.answer(passphrase)}
            onCancel={() => control.ask(null)}
            {...(question === 'enter' ? { onForgotten: () => control.ask('choose') } : {})}
          />
        );
      }
      return (
        <>
          {control.sources.length > 1 && <Sources control={control} chosen={view.source} />}
          <label class="tick">
            <input type="checkbox" name="stems" checked={view.stems} onChange={(event) => control.chooseStems(event.currentTarget.checked)} />
            <span>
              {text('recordStems')}
              <br />
              <span class="hint">{text('recordStemsHint')}</span>
            </span>
          </label>
          <button class="button primary wide start" type="button" onClick={() => void control.start()}>
            {text('recordStart')}
          </button>
          <p class="status">
            {control.keptUntil === null ? text('recordHint') : text('recordHintUntil', { date: day(control.keptUntil) })}
            {control.protection !== 'off' && ` ${text(control.protection === 'device' ? 'recordHintDevice' : 'recordHintPassphrase')}`}
          </p>
        </>
      );
  }
};

const Item = ({ info, control, view }: { readonly info: RecordingInfo; readonly control: RecorderControl; readonly view: RecordingsView }) => {
  const share = view.saving.get(info.id);
  const ref = useKeptFocus();
  const [opening, setOpening] = useState(false);
  if (view.removed.has(info.id)) {
    return (
      <li class="item row" ref={ref}>
        <span class="hint">
          {text('recordDeleted')} {titleOf(info)}
        </span>
        <button class="button" type="button" onClick={() => void control.undoRemove(info.id)}>
          {text('recordUndo')}
        </button>
      </li>
    );
  }
  const when = new Date(info.startedAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const label = `${titleOf(info)}, ${when}`;
  return (
    <li class="item" ref={ref}>
      <div class="row">
        <span class="title">{titleOf(info)}</span>
        {info.state === 'interrupted' && <span class="badge">{text('recordInterrupted')}</span>}
        {info.state === 'recording' && <span class="badge live">{text('recordElsewhere')}</span>}
      </div>
      <div class="hint">
        {when} · {duration(info.durationMs)} · {size(info.bytes)}
      </div>
      {info.keptUntil !== null && info.state !== 'recording' && <div class="hint">{text('recordKeptUntil', { date: day(info.keptUntil) })}</div>}
      {/* With keys: a focused Cancel must not live on as Delete. */}
      {info.locked && opening ? (
        <PassphraseForm
          key="opening"
          id={`passphrase-${info.id}`}
          kind="enter"
          why={text('passphraseOpenWhy')}
          action={text('passphraseOpen')}
          onGiven={(passphrase) => control.unlock(info.id, passphrase)}
          onCancel={() => setOpening(false)}
        />
      ) : share === undefined ? (
        <div class="row actions" key="actions">
          {control.canContinue(info) && (
            <button class="button continue" type="button" aria-label={`${text('recordContinue')}: ${label}`} onClick={() => void control.start(info)}>
              {text('recordContinueShort')}
            </button>
          )}
          {info.locked ? (
            <button class="button" type="button" aria-label={`${text('passphraseUnlock')}: ${label}`} onClick={() => setOpening(true)}>
              {text('passphraseUnlock')}
            </button>
          ) : (
            <SaveMenu info={info} label={label} control={control} choosePlace={view.choosePlace} />
          )}
          {info.state !== 'recording' && (
            <button class="button" type="button" aria-label={`${text('recordDelete')}: ${label}`} onClick={() => void control.remove(info.id)}>
              {text('recordDelete')}
            </button>
          )}
        </div>
      ) : (
        <div class="row saving" key="saving">
          <span class="hint" role="status">
            {text('recordPreparing')}
          </span>
          <progress value={share} max={1} aria-label={text('recordPreparing')} />
          <span class="time hint">{Math.round(share * 100)} %</span>
          <button class="button" type="button" aria-label={`${text('cancel')}: ${label}`} onClick={() => control.cancelSave(info.id)}>
            {text('cancel')}
          </button>
        </div>
      )}
    </li>
  );
};

/** Always in sight while a recording runs or is paused, also when the panel is closed. */
export const RecordingPill = ({ control }: { readonly control: RecorderControl }) => {
  const view = useObservable(control.view);
  const recorded = useRecorded(view);
  const { kind } = view.state;
  if (kind !== 'recording' && kind !== 'paused') return null;
  return (
    <div class="pill" role="group" aria-label={text(kind === 'paused' ? 'recordPaused' : 'recording')}>
      {kind === 'paused' ? <span>{text('recordPaused')}</span> : <span class="light" aria-hidden="true" />}
      <span class="time" role="timer" aria-live="off">
        {duration(recorded)}
      </span>
      <Level control={control} />
      <Transport control={control} paused={kind === 'paused'} />
    </div>
  );
};
