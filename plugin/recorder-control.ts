import type { Person, RecorderState, RecordingInfo, RecordingSource, SaveFormat } from '../recorder';
import { canCaptureTab, canChooseFile, Recorder, RecorderError } from '../recorder';
import type { Config } from './config';
import { day, duration, size, text } from './i18n';
import type { JitsiHost } from './jitsi/host';
import { Observable } from './observable';

const OFFERED_KEY = 'greenroom.offered';
const SOURCE_KEY = 'greenroom.source';
const LEFT_KEY = 'greenroom.left';
const PLACE_KEY = 'greenroom.save';
const STEMS_KEY = 'greenroom.stems';
/** One that Jitsi Meet leaves free. */
const MARK_KEY = 'K';
const DAY_MS = 24 * 3_600_000;
/** People are told that the disk gets full this long ahead, ms: once in time to act, once more at the end. */
const SPACE_WARNINGS_MS = [60_000, 5 * 60_000];

export interface RecordingsView {
  readonly state: RecorderState;
  readonly list: readonly RecordingInfo[];
  /** Recordings that were just deleted and can still be brought back. */
  readonly removed: ReadonlySet<string>;
  /** Files being made: share done, 0 to 1, by recording. */
  readonly saving: ReadonlyMap<string, number>;
  /** What is recorded next. */
  readonly source: RecordingSource;
  /** Whether everybody's sound is recorded into a file of its own as well. */
  readonly stems: boolean;
  /** Whether the browser asks where each file goes. */
  readonly choosePlace: boolean;
  /** The passphrase that is asked for before a recording: a new one, or the one that earlier recordings have. */
  readonly question: 'choose' | 'enter' | null;
}

/** The recorder as the meeting uses it: follows the microphone, announces, stops on leaving, offers what was left over. */
export class RecorderControl {
  readonly view: Observable<RecordingsView>;
  readonly #recorder: Recorder;
  readonly #host: JitsiHost;
  readonly #announce: boolean;
  readonly #layout: Config['recorder']['layout'];
  readonly #keepDays: number;
  readonly protection: Config['recorder']['encrypt'];
  /** Whether recordings can be begun without asking. */
  #unlocked: boolean;
  /** What is to be gone on with once the passphrase is given. */
  #waiting: RecordingInfo | undefined;
  /** What people may choose from. */
  readonly sources: readonly RecordingSource[];
  #starting: AbortController | undefined;
  /**
   * The recording that ran when the page was about to be left. The library disconnects at that moment, which may end it well
   * before the page is gone: then it is not an interrupted one, but has been cut off all the same.
   */
  #atRisk: string | undefined;
  /** Those that were cut off by leaving the page before this one, in this tab. */
  readonly #left: ReadonlySet<string>;
  /** Recordings of other pages, whose end is awaited. */
  readonly #watched = new Set<string>();
  readonly #saves = new Map<string, AbortController>();
  /** The last warning of this recording. */
  #warnedMs = Infinity;

  constructor(host: JitsiHost, config: Config['recorder']) {
    this.#host = host;
    this.#announce = config.announce;
    const { videoCodec, videoBitsPerSecond, audioBitsPerSecond, encrypt, keepDays } = config;
    this.#recorder = new Recorder({ videoCodec, videoBitsPerSecond, audioBitsPerSecond, encrypt, keepDays });
    this.#layout = config.layout;
    this.#keepDays = keepDays;
    this.protection = encrypt;
    this.#unlocked = encrypt !== 'passphrase';
    const possible = config.sources.filter((source) => source !== 'tab' || canCaptureTab());
    this.sources = possible.length > 0 ? possible : ['room'];
    const source = [...read(SOURCE_KEY), config.source, 'room'].flatMap((wanted) => this.sources.find((each) => each === wanted) ?? [])[0] ?? this.sources[0] ?? 'room';
    this.view = new Observable<RecordingsView>({ state: this.#recorder.state, list: [], removed: new Set(), saving: new Map(), source, stems: read(STEMS_KEY).includes('stems'), choosePlace: read(PLACE_KEY).includes('choose'), question: null });
    this.#recorder.subscribe((state) => this.#follow(state));
    window.addEventListener('beforeunload', (event) => {
      const { state: now } = this.view.value;
      if (!isUnderWay(now)) return;
      this.#atRisk = now.info.id;
      event.preventDefault();
    });
    window.addEventListener('pagehide', () => {
      if (this.#atRisk !== undefined) write(LEFT_KEY, [this.#atRisk], 'sessionStorage');
    });
    this.#left = new Set(read(LEFT_KEY, 'sessionStorage'));
    write(LEFT_KEY, [], 'sessionStorage');
  }

  /** Once the page's store is there. */
  attach(): void {
    this.#host.onPeopleChanged(() => {
      if (this.view.value.state.kind === 'starting' || isUnderWay(this.view.value.state)) this.#recorder.setPeople(this.#people());
    });
    this.#host.addShortcut(MARK_KEY, text('recordMarkHelp'), () => void this.mark());
    this.#host.onLeft(() => {
      this.#starting?.abort(); // the browser's question may still be open: what it grants is of no use any more
      void this.#end();
    });
  }

  choose(source: RecordingSource): void {
    write(SOURCE_KEY, [source]);
    this.#set({ source });
  }

  chooseStems(stems: boolean): void {
    write(STEMS_KEY, stems ? ['stems'] : []);
    this.#set({ stems });
  }

  /** Marks this moment; nothing happens where nothing is recorded. */
  async mark(): Promise<void> {
    const { state } = this.view.value;
    if (state.kind !== 'recording' && state.kind !== 'paused') return;
    const label = text('recordMarker', { number: state.info.markers.length + 1 });
    try {
      await this.#recorder.mark(label);
    } catch {
      return; // told by the state
    }
    const { state: now } = this.view.value;
    const marker = now.kind === 'recording' || now.kind === 'paused' ? now.info.markers.at(-1) : undefined;
    if (!marker) return;
    this.#host.notify({
      uid: 'greenroom-marked',
      title: text('recordMarkedTitle', { time: duration(marker.atMs) }),
      description: text('recordMarkedText'),
      appearance: 'normal',
      timeoutMs: 3000,
    });
  }

  async renameMarker(index: number, label: string): Promise<void> {
    await this.#recorder.renameMarker(index, label).catch((error: unknown) => console.warn('[greenroom] the marker keeps its label:', error));
  }

  /** See Recorder.subscribeLevel. */
  subscribeLevel(listener: (peak: number) => void): () => void {
    return this.#recorder.subscribeLevel(listener);
  }

  /**
   * Call it in the handler of a click: the browser may ask what to share. Asks for a passphrase first if there has to be one.
   * @param continued a recording to go on with, see `canContinue`; by default a new one
   */
  async start(continued?: RecordingInfo): Promise<void> {
    this.#waiting = continued;
    if (!this.#unlocked) {
      try {
        const question = await this.#recorder.passphraseNeeded();
        this.#set({ question });
        if (question !== null) return;
        this.#unlocked = true;
      } catch (error) {
        this.#complain('recordFailedTitle', error);
        return;
      }
    }
    this.#starting = new AbortController();
    try {
      await this.#recorder.start({
        title: this.#host.roomName,
        source: continued?.source ?? this.view.value.source,
        layout: this.#layout,
        stems: continued === undefined ? this.view.value.stems : continued.stems.length > 0,
        people: this.#people(),
        signal: this.#starting.signal,
        ...(continued === undefined ? {} : { continues: continued.id }),
      });
      // If it ends in the same way again, it is offered again.
      if (continued !== undefined) write(OFFERED_KEY, read(OFFERED_KEY).filter((id) => id !== continued.id));
    } catch (error) {
      this.#complain('recordFailedTitle', error);
    }
  }

  /** Whether a recording was cut off that belongs to this meeting, and can go on as a further part of the same file. */
  canContinue(info: RecordingInfo): boolean {
    const { locked, title } = info;
    const { kind } = this.view.value.state;
    return this.#isCutOff(info) && !locked && title.toLowerCase() === this.#host.roomName.toLowerCase() && (kind === 'idle' || kind === 'failed');
  }

  #isCutOff({ id, state }: RecordingInfo): boolean {
    return state === 'interrupted' || (state === 'complete' && this.#left.has(id));
  }

  /**
   * The passphrase that `view.question` asks for; the recording starts with it.
   * @returns a sentence about why it is refused, or null
   */
  async answer(passphrase: string): Promise<string | null> {
    const { question } = this.view.value;
    if (question === null) return null;
    try {
      await (question === 'choose' ? this.#recorder.choosePassphrase(passphrase) : this.#recorder.unlock(passphrase));
    } catch (error) {
      return explainPassphrase(error);
    }
    this.#unlocked = true;
    this.#set({ question: null });
    // Not after the list: what the browser asks next depends on the click that came before.
    void this.start(this.#waiting);
    await this.refresh();
    return null;
  }

  /** Asks for a new passphrase in place of a forgotten one, or not at all. */
  ask(question: 'choose' | null): void {
    this.#set({ question });
  }

  /**
   * Opens recordings that were protected by this passphrase.
   * @param id the one that is wanted
   * @returns a sentence about why it stays as it is, or null
   */
  async unlock(id: string, passphrase: string): Promise<string | null> {
    try {
      await this.#recorder.unlock(passphrase);
    } catch (error) {
      return explainPassphrase(error);
    }
    this.#unlocked = true;
    await this.refresh();
    return this.view.value.list.some((info) => info.id === id && info.locked) ? text('passphraseOther') : null;
  }

  async stop(): Promise<void> {
    this.#atRisk = undefined;
    await this.#end();
  }

  async #end(): Promise<void> {
    const { kind } = this.view.value.state;
    if (kind !== 'recording' && kind !== 'paused') return;
    // What went wrong at the end is told by the state.
    await this.#recorder.stop().catch(() => undefined);
  }

  /** See Recorder.prepare. */
  prepare(microphone: MediaStreamTrack): Promise<void> {
    return this.#recorder.prepare(microphone);
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

  /** Until when a recording that ends now is kept, epoch ms; null: until it is deleted. */
  get keptUntil(): number | null {
    return this.#keepDays === 0 ? null : Date.now() + this.#keepDays * DAY_MS;
  }

  /** Deletes what is past its time, and tells of that and of what is next. Call it once the meeting has its page. */
  async expire(show: () => void): Promise<void> {
    try {
      const { removed, due } = await this.#recorder.expire();
      if (removed.length > 0) {
        this.#host.notify({
          uid: 'greenroom-expired',
          title: text('recordExpiredTitle'),
          description: text('recordExpiredText', { titles: titlesOf(removed) }),
          appearance: 'normal',
          actions: [{ label: text('recordBringBack'), run: () => void this.#bringBack(removed, show) }],
        });
      }
      if (due.length > 0) {
        this.#host.notify({
          uid: 'greenroom-due',
          title: text('recordDueTitle'),
          description: text('recordDueText', { titles: titlesOf(due), date: day(Math.min(...due.map(({ keptUntil }) => keptUntil ?? Infinity))) }),
          appearance: 'warning',
          actions: [{ label: text('recordShow'), run: show }],
        });
      }
    } catch (error) {
      console.warn('[greenroom] old recordings were not deleted:', error);
    }
  }

  async #bringBack(recordings: readonly RecordingInfo[], show: () => void): Promise<void> {
    for (const { id } of recordings) await this.undoRemove(id);
    show();
  }

  /** Offers what a crash left behind, once per recording; also what another page leaves behind later. */
  async offerInterrupted(show: () => void): Promise<void> {
    await this.refresh();
    const { state, list } = this.view.value;
    const own = isUnderWay(state) ? state.info.id : undefined;
    for (const { id } of list.filter((info) => info.state === 'recording' && info.id !== own && !this.#watched.has(info.id))) {
      this.#watched.add(id);
      this.#recorder.ended(id).then(
        () => {
          this.#watched.delete(id);
          void this.offerInterrupted(show);
        },
        (error: unknown) => console.warn('[greenroom] a recording in another tab is not watched:', error),
      );
    }
    const offered = new Set(read(OFFERED_KEY));
    const found = list.filter((info) => this.#isCutOff(info));
    const fresh = found.find((info) => !offered.has(info.id));
    write(OFFERED_KEY, found.map((info) => info.id));
    if (!fresh) return;
    this.#host.notify({
      uid: 'greenroom-found',
      title: text('recordFoundTitle'),
      description: text('recordFoundText', { title: titleOf(fresh), duration: duration(fresh.durationMs) }),
      appearance: 'normal',
      actions: [
        ...(this.canContinue(fresh) ? [{ label: text('recordContinue'), run: (): void => this.#continue(fresh, show) }] : []),
        { label: text('recordShow'), run: show },
      ],
    });
  }

  #continue(recording: RecordingInfo, show: () => void): void {
    if (!this.#unlocked) show(); // where the passphrase is asked for
    void this.start(recording);
  }

  choosePlace(choose: boolean): void {
    write(PLACE_KEY, choose ? ['choose'] : []);
    this.#set({ choosePlace: choose });
  }

  /** Call it in the handler of a click: the browser may ask where the file goes. */
  async save(id: string, format: SaveFormat = 'webm'): Promise<void> {
    if (this.#saves.has(id)) return;
    const cancel = new AbortController();
    this.#saves.set(id, cancel);
    const progress = (share: number | null): void => {
      const saving = new Map(this.view.value.saving);
      if (share === null) saving.delete(id);
      else saving.set(id, share);
      this.#set({ saving });
    };
    progress(0);
    const choose = this.view.value.choosePlace;
    try {
      const { fileName, bytes } = await this.#recorder.save(id, { format, choose, signal: cancel.signal, onProgress: ({ bytes: done, total }) => progress(total > 0 ? done / total : 0) });
      // The browser shows its downloads, but not what was written where it had asked.
      if (choose) this.#host.notify({ uid: 'greenroom-file', title: text('fileSavedTitle'), description: `${fileName}, ${size(bytes)}`, appearance: 'success', timeoutMs: 8000 });
    } catch (error) {
      this.#complain('fileFailedTitle', error);
    } finally {
      this.#saves.delete(id);
      progress(null);
      await this.refresh(); // what was saved may be deleted sooner, and what could not be may be gone
    }
  }

  /** Leaves nothing behind; too late once the browser's download has begun. */
  cancelSave(id: string): void {
    this.#saves.get(id)?.abort();
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
    // The list is read anew, but not at once.
    const ended = state.kind === 'idle' ? state.last : null;
    this.#set({ state, ...(ended === null ? {} : { list: this.view.value.list.map((info) => (info.id === ended.id ? ended : info)) }) });
    const was = isUnderWay(before);
    const is = isUnderWay(state);
    if (is !== was) {
      if (this.#announce) this.#host.announceRecording(is);
      void this.refresh();
    }
    if (state.kind === 'recording' && before.kind === 'starting' && state.capture) {
      const { ownTab, audioLabel } = state.capture;
      if (ownTab === false) this.#host.notify({ uid: 'greenroom-surface', title: text('recordSurfaceTitle'), description: text('recordSurfaceText'), appearance: 'warning' });
      else if (audioLabel === null) this.#host.notify({ uid: 'greenroom-silent', title: text('recordSilentTitle'), description: text('recordSilentText'), appearance: 'warning' });
    }
    this.#warnOfSpace(state);
    if (was && state.kind === 'idle' && state.last) {
      this.#host.notify({
        uid: 'greenroom-saved',
        title: text('recordSavedTitle'),
        description: savedText(state.last),
        appearance: 'success',
        timeoutMs: 8000,
      });
    }
    if (was && state.kind === 'failed') this.#complain('recordEndedTitle', state.error);
  }

  #people(): Person[] {
    return this.#host.people({ me: text('recordMe'), somebody: text('recordSomebody') });
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
    this.#host.notify({ uid: 'greenroom-recorder', title: text(title), description: title === 'fileFailedTitle' ? explainFile(error) : explain(error), appearance: 'warning' });
  }

  #set(change: Partial<RecordingsView>): void {
    this.view.set({ ...this.view.value, ...change });
  }
}

/** What people know a recording by; one that is locked does not tell its title. */
export const titleOf = ({ locked, title }: RecordingInfo): string => (locked ? text('recordLockedTitle') : title);

const titlesOf = (recordings: readonly RecordingInfo[]): string => recordings.map((info) => `“${titleOf(info)}”`).join(', ');

const savedText = ({ durationMs, bytes, keptUntil }: RecordingInfo): string => {
  const values = { duration: duration(durationMs), size: size(bytes) };
  return keptUntil === null ? text('recordSavedText', values) : text('recordSavedUntilText', { ...values, date: day(keptUntil) });
};

/** A paused recording is one: the others are told until it ends, since it may go on at any moment. */
const isUnderWay = (state: RecorderState): state is Extract<RecorderState, { kind: 'recording' | 'paused' | 'stopping' }> =>
  state.kind === 'recording' || state.kind === 'paused' || state.kind === 'stopping';

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

const explainPassphrase = (error: unknown): string =>
  error instanceof RecorderError && error.code === 'passphrase' ? text('passphraseWrong') : explain(error);

const explainFile = (error: unknown): string => {
  const code = error instanceof RecorderError ? error.code : undefined;
  switch (code) {
    case 'quota':
      return text(canChooseFile() ? 'fileErrorQuotaChoose' : 'fileErrorQuota');
    case 'unsupported':
      return text('fileErrorUnsupported');
    case 'locked':
      return text('fileErrorLocked');
    case 'not-found':
      return text('fileErrorGone');
    default:
      return text('fileErrorOther', { detail: error instanceof Error ? error.message : String(error) });
  }
};

const read = (key: string, kind: 'localStorage' | 'sessionStorage' = 'localStorage'): string[] => {
  try {
    const value: unknown = JSON.parse(window[kind].getItem(key) ?? '[]');
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
};

const write = (key: string, value: readonly string[], kind: 'localStorage' | 'sessionStorage' = 'localStorage'): void => {
  try {
    window[kind].setItem(key, JSON.stringify(value));
  } catch {
    // Storage refused: the offer comes again next time.
  }
};
