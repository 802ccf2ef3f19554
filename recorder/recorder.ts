import { RecorderError } from './errors';
import { Journal, type RecordingInfo, type RecordingSource } from './journal';
import type { Person } from './people';
import { saveFile, sweepExports, type SavedFile, type SaveOptions } from './save';
import { Session, type SessionOptions, type VideoCodec } from './session';
import { SpaceWatch } from './space';
import type { Layout } from './stage';
import { mayBecome, type RecorderState } from './state';
import type { Protection } from './vault';

export interface RecorderOptions {
  /** Name of the database; one per origin is enough. */
  readonly database?: string;
  /** What the picture is encoded as; where the browser cannot, and by default, what it encodes for the least work. */
  readonly videoCodec?: VideoCodec;
  readonly videoBitsPerSecond?: number;
  readonly audioBitsPerSecond?: number;
  /** How often a chunk is written, ms: about what a crash may cost. */
  readonly timesliceMs?: number;
  /** How long a removed recording can be restored, ms. */
  readonly undoMs?: number;
  /** How what is recorded from now on is kept on disk. Default `off`. */
  readonly encrypt?: Protection;
  /** How long recordings are kept, days; 0, the default, keeps them until somebody removes them. See `expire`. */
  readonly keepDays?: number;
}

export interface StartRequest {
  readonly title: string;
  /**
   * - `tab`: the tab, by the browser's own capture, and the local people's sound.
   * - `room`: everybody, in one picture; nothing is asked of the user.
   * - `sound`: everybody, without a picture.
   * - `self`: only the local people.
   */
  readonly source?: RecordingSource;
  /** Who is there; tell of changes by `setPeople`. */
  readonly people?: readonly Person[];
  /** Whether everybody's sound is kept in a file of its own as well, for editing: format `stems` of `save`. Default false. */
  readonly stems?: boolean;
  /** How the room is arranged. */
  readonly layout?: Layout;
  /** In the place of `people`: a microphone alone, or null. It is another by `setMicrophone`. */
  readonly microphone?: MediaStreamTrack | null;
  /** A recording to go on with as a further segment, after a reload or a crash; its title stays. */
  readonly continues?: string;
  /** Cancels the start; once it resolved, use `stop`. */
  readonly signal?: AbortSignal;
}

interface Begun {
  readonly info: RecordingInfo;
  /** Settles after `state` told. */
  readonly finished: Promise<RecordingInfo>;
}

interface Running {
  readonly session: Session;
  readonly space: SpaceWatch;
  readonly cancel: AbortController;
  /** Rejects, after `state` told, if the recording could not start. */
  readonly begun: Promise<Begun>;
}

/**
 * Records people, or a tab, to this browser's disk, chunk by chunk, and gives files of it to the user.
 * Every method that answers with a promise rejects with a RecorderError and nothing else.
 */
export class Recorder {
  readonly #journal: Journal;
  readonly #options: SessionOptions;
  readonly #undoMs: number;
  readonly #listeners = new Set<(state: RecorderState) => void>();
  readonly #levels = new Set<(peak: number) => void>();
  readonly #purges = new Set<ReturnType<typeof setTimeout>>();
  #state: RecorderState = { kind: 'idle', last: null };
  #running: Running | null = null;
  #swept: Promise<void> | null = null;
  #disposed: Promise<void> | null = null;

  constructor({ database = 'greenroom-recorder', videoCodec = 'auto', videoBitsPerSecond = 2_500_000, audioBitsPerSecond = 128_000, timesliceMs = 500, undoMs = 10_000, encrypt = 'off', keepDays = 0 }: RecorderOptions = {}) {
    this.#journal = new Journal(database, { protection: encrypt, keepMs: keepDays * 24 * 3_600_000 });
    this.#options = { videoCodec, videoBitsPerSecond, audioBitsPerSecond, timesliceMs };
    this.#undoMs = undoMs;
  }

  get state(): RecorderState {
    return this.#state;
  }

  /** Calls the listener on every change of `state`, until the returned function is called. */
  subscribe(listener: (state: RecorderState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Records until `stop`, or until the user ends the capture of a tab, which the browser asks them for. Call it in the
   * handler of a click, before any `await`. Resolves when the encoder runs.
   * @throws RecorderError `busy`, `locked` (give a passphrase first), `not-found` (nothing to go on with), `denied`, `aborted`,
   *   `unsupported`, `capture`, `no-audio`, `encoder`, `storage`, `quota`, `disposed`; nothing is left behind
   */
  async start({ title, source = 'tab', microphone = null, people = onlyMicrophone(microphone), layout = 'gallery', stems = false, continues, signal }: StartRequest): Promise<RecordingInfo> {
    this.#assertUsable();
    if (!this.#journal.ready) throw new RecorderError('locked', 'A passphrase must be given before the recording');
    if (!mayBecome(this.#state.kind, 'starting')) throw new RecorderError('busy', `Cannot start while ${this.#state.kind}`);
    this.#become({ kind: 'starting' });

    const cancel = new AbortController();
    let running: Running;
    try {
      const session = new Session(this.#journal, { title, source, people, layout, stems, continues }, this.#options, signal === undefined ? cancel.signal : AbortSignal.any([signal, cancel.signal]), (info) => this.#progress(info));
      const { videoBitsPerSecond, audioBitsPerSecond } = this.#options;
      const space = new SpaceWatch((videoBitsPerSecond + audioBitsPerSecond) / 8000);
      running = { session, space, cancel, begun: this.#begin(session, space) };
    } catch (cause) {
      throw this.#refuse(cause);
    }
    this.#running = running;
    this.#meter();
    return (await running.begun).info;
  }

  /**
   * Who is there now, all of them, and how they can be seen and heard: call it whenever one comes or goes, is muted, or
   * has another track. The file is not interrupted. Ignored when nothing is being recorded.
   */
  setPeople(people: readonly Person[], layout?: Layout): void {
    this.#running?.session.setPeople(people, layout);
  }

  /** The same where there is nobody but a microphone; null for silence. */
  setMicrophone(track: MediaStreamTrack | null): void {
    this.setPeople(onlyMicrophone(track));
  }

  /**
   * Opens a microphone that `setPeople` or `setMicrophone` may tell of next, and resolves when it would be heard at once, at the
   * latest after a quarter of a second; at once when nothing is being recorded. Stop the last one after that, and there is no
   * gap of the time that opening takes.
   */
  async prepare(microphone: MediaStreamTrack): Promise<void> {
    await this.#running?.session.prepare(microphone);
  }

  /**
   * Records nothing until `resume`; the file has no gap. The capture and the microphone stay open.
   * @throws RecorderError `not-recording`
   */
  pause(): void {
    if (this.#running === null || this.#state.kind !== 'recording') throw new RecorderError('not-recording', `Cannot pause while ${this.#state.kind}`);
    const { session } = this.#running;
    const { info, capture } = this.#state;
    session.pause();
    this.#become({ kind: 'paused', info, capture, recordedMs: session.recordedMs });
  }

  /** @throws RecorderError `not-recording` if it is not paused */
  resume(): void {
    if (this.#running === null || this.#state.kind !== 'paused') throw new RecorderError('not-recording', `Cannot resume while ${this.#state.kind}`);
    const { session, space } = this.#running;
    const { info, capture } = this.#state;
    session.resume();
    this.#become({ kind: 'recording', info, capture, since: Date.now() - session.recordedMs, remainingMs: space.remainingMs(info) });
  }

  /**
   * Marks this moment of the recording. Resolves when the marker is safe on disk; `state` tells of it.
   * @throws RecorderError `not-recording`, `quota`, `storage`
   */
  async mark(label: string): Promise<void> {
    await this.#session('mark').mark(label);
  }

  /**
   * Changes the label of a marker of the running recording, by its place in the list.
   * @throws RecorderError `not-recording`, `not-found`, `quota`, `storage`
   */
  async renameMarker(index: number, label: string): Promise<void> {
    const session = this.#session('rename a marker');
    const markers = session.info?.markers ?? [];
    if (markers[index] === undefined) throw new RecorderError('not-found', `No marker ${index}`);
    await session.setMarkers(markers.map((marker, each) => (each === index ? { ...marker, label } : marker)));
  }

  /**
   * Calls `listener` some ten times a second while something is recorded, with the loudest sample since the last time,
   * 0 to 1, until the returned function is called.
   */
  subscribeLevel(listener: (peak: number) => void): () => void {
    this.#levels.add(listener);
    if (this.#levels.size === 1) this.#meter();
    return () => {
      this.#levels.delete(listener);
      if (this.#levels.size === 0) this.#running?.session.meter(null);
    };
  }

  /**
   * Ends the recording. Resolves when all of it is safe on disk.
   * @throws RecorderError `not-recording`, or `quota`, `storage`, `encoder` if the end was lost: the rest is in `list()`
   */
  async stop(): Promise<RecordingInfo> {
    const state = this.#state;
    if (this.#running === null || (state.kind !== 'recording' && state.kind !== 'paused' && state.kind !== 'stopping')) {
      throw new RecorderError('not-recording', `Cannot stop while ${this.#state.kind}`);
    }
    const { session, begun } = this.#running;
    if (state.kind !== 'stopping') this.#become({ kind: 'stopping', info: state.info });
    session.stop();
    return await (await begun).finished;
  }

  /** All recordings of this origin, from every tab, newest first. */
  async list(): Promise<RecordingInfo[]> {
    this.#assertUsable();
    await this.#sweep();
    return await this.#journal.list();
  }

  /**
   * Resolves when nobody records it any more: it was stopped in another tab, or that tab is gone. The page of before a reload
   * goes some moments after the next one has come, and until then its recording looks as if it ran.
   * @throws RecorderError `storage`, `disposed`
   */
  async ended(id: string): Promise<void> {
    this.#assertUsable();
    await this.#journal.ended(id);
  }

  /**
   * Whether a passphrase is needed before `start`: `choose` one, or `enter` the one that earlier recordings have. Null: no.
   * @throws RecorderError `storage`, `disposed`
   */
  async passphraseNeeded(): Promise<'choose' | 'enter' | null> {
    this.#assertUsable();
    if (this.#journal.ready) return null;
    return await this.#journal.hasPassphrase() ? 'enter' : 'choose';
  }

  /**
   * Makes recordings with this passphrase readable until the page is left; with `encrypt: 'passphrase'` the next ones are
   * protected by it. Takes about a second: that is what makes guessing dear.
   * @throws RecorderError `passphrase` if no recording has it, `storage`, `disposed`
   */
  async unlock(passphrase: string): Promise<void> {
    this.#assertUsable();
    await this.#journal.unlock(passphrase);
  }

  /**
   * Protects the next recordings by a new passphrase; those with another keep that. Nobody can recover it.
   * @throws RecorderError `passphrase` if it is empty, `storage`, `quota`, `disposed`
   */
  async choosePassphrase(passphrase: string): Promise<void> {
    this.#assertUsable();
    await this.#journal.setPassphrase(passphrase);
  }

  /**
   * Removes recordings that are past `keepDays`; `undoRemove` brings them back until the next visit. One that was never
   * saved is removed only a day after it was named in `due`: tell the user of those.
   * @throws RecorderError `storage`, `disposed`
   */
  async expire(): Promise<{ readonly removed: readonly RecordingInfo[]; readonly due: readonly RecordingInfo[] }> {
    this.#assertUsable();
    await this.#sweep();
    return await this.#journal.expire(Date.now());
  }

  /**
   * Gives the recording to the browser's downloads, or writes it where the user chooses; what is safe so far, if it is
   * still running. The file knows its duration and can be searched through; whatever of the recording is damaged is not in
   * it. Resolves when the download has begun, or the chosen file is whole, with the size of the file, bytes.
   * @throws RecorderError `not-found`, `locked`, `unsupported` (see `formatsOf`), `aborted`, `storage`, `quota`, `encoder`,
   *   `disposed`
   */
  async save(id: string, options: SaveOptions = {}): Promise<SavedFile> {
    this.#assertUsable();
    const saved = await saveFile(this.#journal, await this.#journal.get(id), options);
    // Not worth failing for: without the note it is kept longer.
    if (options.format !== 'chapters') await this.#journal.noteSaved(id, Date.now()).catch(() => undefined);
    return saved;
  }

  /**
   * Takes the recording off the list; it is deleted for good after `undoMs`, or on the next visit.
   * @throws RecorderError `not-found`, `busy` (it is being recorded), `storage`, `disposed`
   */
  async remove(id: string): Promise<void> {
    this.#assertUsable();
    const now = Date.now();
    await this.#journal.remove(id, now);
    const timer = setTimeout(() => {
      this.#purges.delete(timer);
      this.#journal.purge(now).catch(() => undefined); // the next visit tries again
    }, this.#undoMs);
    this.#purges.add(timer);
  }

  /** @throws RecorderError `not-found` once it is deleted for good, `storage`, `disposed` */
  async undoRemove(id: string): Promise<RecordingInfo> {
    this.#assertUsable();
    await this.#journal.restore(id);
    return await this.#journal.get(id);
  }

  /** Ends a recording safely, lets go of everything and is of no use afterwards. Never rejects. */
  dispose(): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    const running = this.#running;
    running?.cancel.abort();
    const begun = await running?.begun.catch(() => undefined);
    running?.session.stop();
    await begun?.finished.catch(() => undefined);
    for (const timer of this.#purges) clearTimeout(timer);
    this.#become({ kind: 'disposed' });
    this.#listeners.clear();
    await this.#journal.close();
  }

  #assertUsable(): void {
    if (this.#disposed !== null) throw new RecorderError('disposed', 'The recorder was disposed');
  }

  #session(what: string): Session {
    if (this.#running === null || (this.#state.kind !== 'recording' && this.#state.kind !== 'paused')) throw new RecorderError('not-recording', `Cannot ${what} while ${this.#state.kind}`);
    return this.#running.session;
  }

  #meter(): void {
    if (this.#levels.size === 0) return;
    this.#running?.session.meter((peak) => {
      for (const listener of this.#levels) listener(peak);
    });
  }

  // What an earlier visit removed, or began and never wrote, or copied for a download. Once is enough.
  #sweep(): Promise<void> {
    this.#swept ??= Promise.all([this.#journal.purge(Date.now() - this.#undoMs), sweepExports()]).then(() => undefined, () => { this.#swept = null; });
    return this.#swept;
  }

  #progress(info: RecordingInfo): void {
    const state = this.#state;
    if (state.kind === 'recording' && this.#running !== null) {
      const { space } = this.#running;
      this.#become({ ...state, info, remainingMs: space.remainingMs(info) });
      this.#watch(space, info);
    } else if (state.kind === 'recording' || state.kind === 'paused' || state.kind === 'stopping') this.#become({ ...state, info });
  }

  // Not awaited: the recording does not wait for the answer. What is written meanwhile counts twice, a chunk at most.
  #watch(space: SpaceWatch, { bytes }: RecordingInfo): void {
    void space.refresh(bytes).then((known) => {
      const state = this.#state;
      if (known && state.kind === 'recording' && this.#running?.space === space) this.#become({ ...state, remainingMs: space.remainingMs(state.info) });
    });
  }

  async #begin(session: Session, space: SpaceWatch): Promise<Begun> {
    const { info, capture, ended } = await session.begin().catch((cause: unknown) => { throw this.#refuse(cause); });
    // Asked, not awaited: without it the browser may throw recordings away when the disk gets full.
    navigator.storage.persist().catch(() => undefined);
    this.#become({ kind: 'recording', info, capture, since: Date.now() - session.recordedMs, remainingMs: null });
    this.#watch(space, info);

    const finished = ended.then(
      (last) => {
        this.#finish({ kind: 'idle', last }, last);
        return last;
      },
      (cause: unknown) => {
        const error = RecorderError.from(cause, 'encoder', 'The recording failed');
        const saved = session.info ?? info;
        this.#finish({ kind: 'failed', error, info: saved.bytes > 0 ? saved : null }, saved);
        throw error;
      },
    );
    finished.catch(() => undefined); // without a stop() nobody waits for it; the state tells
    return { info, finished };
  }

  #refuse(cause: unknown): RecorderError {
    const error = RecorderError.from(cause, 'encoder', 'The recording could not start');
    this.#running = null;
    this.#become(error.code === 'aborted' ? { kind: 'idle', last: null } : { kind: 'failed', error, info: null });
    return error;
  }

  #finish(state: RecorderState, info: RecordingInfo): void {
    // Ended by the browser or by a failure: listeners still see the same path.
    if (this.#state.kind === 'recording' || this.#state.kind === 'paused') this.#become({ kind: 'stopping', info });
    this.#running = null;
    this.#become(state);
  }

  #become(state: RecorderState): void {
    if (!mayBecome(this.#state.kind, state.kind)) throw new Error(`The recorder cannot go from ${this.#state.kind} to ${state.kind}`);
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        reportError(error); // a listener's fault is not the recording's end
      }
    }
  }
}

function onlyMicrophone(track: MediaStreamTrack | null): readonly Person[] {
  return track === null ? [] : [{ id: 'microphone', name: '', local: true, audio: [track] }];
}
