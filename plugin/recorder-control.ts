import type { RecorderState, RecordingInfo } from '../recorder';
import { Recorder, RecorderError } from '../recorder';
import type { Config } from './config';
import { duration, size, text } from './i18n';
import type { JitsiHost } from './jitsi/host';
import { Observable } from './observable';

const OFFERED_KEY = 'greenroom.offered';
/** People are told that the disk gets full this long ahead, ms: once in time to act, once more at the end. */
const SPACE_WARNINGS_MS = [60_000, 5 * 60_000];

export interface RecordingsView {
  readonly state: RecorderState;
  readonly list: readonly RecordingInfo[];
  /** Recordings that were just deleted and can still be brought back. */
  readonly removed: ReadonlySet<string>;
  /** Files being made: share done, 0 to 1, by recording. */
  readonly saving: ReadonlyMap<string, number>;
}

/** The recorder as the meeting uses it: follows the microphone, announces, stops on leaving, offers what was left over. */
export class RecorderControl {
  readonly view: Observable<RecordingsView>;
  readonly #recorder: Recorder;
  readonly #host: JitsiHost;
  readonly #announce: boolean;
  #starting: AbortController | undefined;
  /** The last warning of this recording. */
  #warnedMs = Infinity;

  constructor(host: JitsiHost, config: Config['recorder']) {
    this.#host = host;
    this.#announce = config.announce;
    this.#recorder = new Recorder({ videoBitsPerSecond: config.videoBitsPerSecond });
    this.view = new Observable<RecordingsView>({ state: this.#recorder.state, list: [], removed: new Set(), saving: new Map() });
    this.#recorder.subscribe((state) => this.#follow(state));
    window.addEventListener('beforeunload', (event) => {
      if (isUnderWay(this.view.value.state)) event.preventDefault();
    });
  }

  /** Once the page's store is there. */
  attach(): void {
    this.#host.followMicrophone((microphone) => this.#recorder.setMicrophone(microphone));
    this.#host.onLeft(() => {
      this.#starting?.abort(); // the browser's question may still be open: what it grants is of no use any more
      void this.stop();
    });
  }

  /** Call it in the handler of a click: the browser asks what to share. */
  async start(): Promise<void> {
    this.#starting = new AbortController();
    try {
      await this.#recorder.start({ title: this.#host.roomName, microphone: this.#host.microphone, signal: this.#starting.signal });
    } catch (error) {
      this.#complain('recordFailedTitle', error);
    }
  }

  async stop(): Promise<void> {
    const { kind } = this.view.value.state;
    if (kind !== 'recording' && kind !== 'paused') return;
    // What went wrong at the end is told by the state.
    await this.#recorder.stop().catch(() => undefined);
  }

  pause(): void {
    if (this.view.value.state.kind === 'recording') this.#recorder.pause();
  }

  resume(): void {
    if (this.view.value.state.kind === 'paused') this.#recorder.resume();
  }

  async refresh(): Promise<void> {
    try {
      this.#set({ list: await this.#recorder.list() });
    } catch (error) {
      console.warn('[greenroom] recordings cannot be listed:', error);
    }
  }

  /** Offers what a crash left behind, once per recording. */
  async offerInterrupted(show: () => void): Promise<void> {
    await this.refresh();
    const offered = new Set(read(OFFERED_KEY));
    const found = this.view.value.list.filter((info) => info.state === 'interrupted');
    const fresh = found.find((info) => !offered.has(info.id));
    write(OFFERED_KEY, found.map((info) => info.id));
    if (!fresh) return;
    this.#host.notify({
      uid: 'greenroom-found',
      title: text('recordFoundTitle'),
      description: text('recordFoundText', { title: fresh.title, duration: duration(fresh.durationMs) }),
      appearance: 'normal',
      actions: [{ label: text('recordShow'), run: show }],
    });
  }

  async save(id: string): Promise<void> {
    const progress = (share: number | null): void => {
      const saving = new Map(this.view.value.saving);
      if (share === null) saving.delete(id);
      else saving.set(id, share);
      this.#set({ saving });
    };
    progress(0);
    try {
      await this.#recorder.save(id, { onProgress: ({ bytes, total }) => progress(total > 0 ? bytes / total : 0) });
    } catch (error) {
      this.#complain('fileFailedTitle', error);
    } finally {
      progress(null);
    }
  }

  async remove(id: string): Promise<void> {
    try {
      await this.#recorder.remove(id);
      this.#set({ removed: new Set([...this.view.value.removed, id]) });
    } catch (error) {
      console.warn('[greenroom] recording was not deleted:', error);
      await this.refresh();
    }
  }

  async undoRemove(id: string): Promise<void> {
    await this.#recorder.undoRemove(id).catch((error: unknown) => console.warn('[greenroom] too late to undo:', error));
    const removed = new Set(this.view.value.removed);
    removed.delete(id);
    this.#set({ removed });
    await this.refresh();
  }

  #follow(state: RecorderState): void {
    const before = this.view.value.state;
    this.#set({ state });
    const was = isUnderWay(before);
    const is = isUnderWay(state);
    if (is !== was) {
      if (this.#announce) this.#host.announceRecording(is);
      void this.refresh();
    }
    if (state.kind === 'recording' && before.kind === 'starting' && state.capture?.audioLabel === null) {
      this.#host.notify({ uid: 'greenroom-silent', title: text('recordSilentTitle'), description: text('recordSilentText'), appearance: 'warning' });
    }
    this.#warnOfSpace(state);
    if (was && state.kind === 'idle' && state.last) {
      this.#host.notify({
        uid: 'greenroom-saved',
        title: text('recordSavedTitle'),
        description: text('recordSavedText', { duration: duration(state.last.durationMs), size: size(state.last.bytes) }),
        appearance: 'success',
        timeoutMs: 8000,
      });
    }
    if (was && state.kind === 'failed') this.#complain('recordEndedTitle', state.error);
  }

  #warnOfSpace(state: RecorderState): void {
    if (state.kind === 'starting') this.#warnedMs = Infinity;
    if (state.kind !== 'recording' || state.remainingMs === null) return;
    const { remainingMs } = state;
    const due = SPACE_WARNINGS_MS.find((limit) => remainingMs <= limit);
    if (due === undefined || due >= this.#warnedMs) return;
    this.#warnedMs = due;
    this.#host.notify({
      uid: 'greenroom-space',
      title: text('recordSpaceTitle'),
      description: text('recordSpaceText', { duration: duration(remainingMs) }),
      appearance: 'warning',
    });
  }

  #complain(title: 'recordFailedTitle' | 'recordEndedTitle' | 'fileFailedTitle', error: unknown): void {
    if (error instanceof RecorderError && error.code === 'aborted') return;
    console.warn('[greenroom]', error);
    this.#host.notify({ uid: 'greenroom-recorder', title: text(title), description: explain(error), appearance: 'warning' });
  }

  #set(change: Partial<RecordingsView>): void {
    this.view.set({ ...this.view.value, ...change });
  }
}

/** A paused recording is one: the others are told until it ends, since it may go on at any moment. */
const isUnderWay = ({ kind }: RecorderState): boolean => kind === 'recording' || kind === 'paused' || kind === 'stopping';

const explain = (error: unknown): string => {
  const code = error instanceof RecorderError ? error.code : undefined;
  switch (code) {
    case 'denied':
      return text('recordErrorDenied');
    case 'quota':
      return text('recordErrorQuota');
    case 'storage':
      return text('recordErrorStorage');
    case 'unsupported':
      return text('recordErrorUnsupported');
    default:
      return text('recordErrorOther', { detail: error instanceof Error ? error.message : String(error) });
  }
};

const read = (key: string): string[] => {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
};

const write = (key: string, value: readonly string[]): void => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage refused: the offer comes again next time.
  }
};
