// The room a recorder is tested in: a moving picture, a tone from the loudspeaker, a microphone, and a way to wait for
// what the recorder does. Every method answers with plain data, as it is called from outside the browser.
import { fakeMix } from '../fake-mix';
import { Recorder, RecorderError, type RecorderOptions, type RecorderState, type RecordingInfo, type SaveFormat } from '../../../recorder';
import { Journal } from '../../../recorder/journal';

export interface Outcome<T> { value?: T; code?: string; recoverable?: boolean }

export interface SeenState { kind: RecorderState['kind']; code?: string; info?: RecordingInfo | null; label?: string | null; surface?: string; recordedMs?: number; remainingMs?: number | null }

const canvas = document.body.appendChild(document.createElement('canvas'));
canvas.width = 640;
canvas.height = 360;
const picture = canvas.getContext('2d');
let frame = 0;
let noisy = false;
setInterval(() => {
  frame++;
  if (picture === null) return;
  picture.fillStyle = `hsl(${frame % 360} 80% 50%)`;
  picture.fillRect(0, 0, canvas.width, canvas.height);
  picture.fillStyle = '#000';
  picture.fillRect((frame * 7) % canvas.width, 100, 60, 160);
  if (noisy) for (let spot = 0; spot < 2000; spot++) {
    picture.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
    picture.fillRect(Math.random() * canvas.width, Math.random() * canvas.height, 8, 8);
  }
}, 33);

const captured: MediaStream[] = [];
const contexts: AudioContext[] = [];
let audio: AudioContext | null = null;
let recorder: Recorder | null = null;
let microphone: MediaStreamTrack | null = null;
const seen: SeenState[] = [];
let watchers: { done: (state: SeenState) => boolean; resolve: (state: SeenState) => void }[] = [];

// Notes what the recorder takes, so that a test can end a capture from outside and count what is left open.
const ask = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
let source: (options?: DisplayMediaStreamOptions) => Promise<MediaStream> = ask;
navigator.mediaDevices.getDisplayMedia = async (options) => {
  const stream = await source(options);
  captured.push(stream);
  return stream;
};
const NativeContext = AudioContext;
globalThis.AudioContext = class extends NativeContext {
  constructor(options?: AudioContextOptions) {
    super(options);
    contexts.push(this);
  }
};

function summary(state: RecorderState): SeenState {
  switch (state.kind) {
    case 'recording': return { kind: state.kind, info: state.info, label: state.capture?.audioLabel ?? null, ...(state.capture === null ? {} : { surface: state.capture.surface }), remainingMs: state.remainingMs };
    case 'paused': return { kind: state.kind, info: state.info, recordedMs: state.recordedMs };
    case 'stopping': return { kind: state.kind, info: state.info };
    case 'failed': return { kind: state.kind, info: state.info, code: state.error.code };
    case 'idle': return { kind: state.kind, info: state.last };
    case 'starting':
    case 'disposed': return { kind: state.kind };
  }
}

function engine(): Recorder {
  if (recorder === null) throw new Error('create() first');
  return recorder;
}

async function outcome<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work };
  } catch (error) {
    if (error instanceof RecorderError) return { code: error.code, recoverable: error.recoverable };
    throw error;
  }
}

function tone(frequency: number): { context: AudioContext; node: OscillatorNode } {
  audio ??= new NativeContext();
  const node = audio.createOscillator();
  node.frequency.value = frequency;
  node.start();
  return { context: audio, node };
}

const lab = {
  create(options?: RecorderOptions): void {
    recorder = new Recorder(options);
    seen.length = 0;
    recorder.subscribe((state) => {
      const now = summary(state);
      seen.push(now);
      watchers = watchers.filter(({ done, resolve }) => {
        if (!done(now)) return true;
        resolve(now);
        return false;
      });
    });
  },

  /** A picture that no encoder can make small. */
  noise(): void { noisy = true; },

  /** Plays a tone through the loudspeaker, for the tab's own sound. */
  async play(frequency: number): Promise<void> {
    const { context, node } = tone(frequency);
    node.connect(new GainNode(context, { gain: 0.3 })).connect(context.destination);
    await context.resume();
  },

  async openMicrophone(): Promise<string> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    microphone = stream.getAudioTracks()[0] ?? null;
    return microphone?.label ?? '';
  },

  /** A tone as the next microphone. */
  toneMicrophone(frequency: number): void {
    const { context, node } = tone(frequency);
    const output = context.createMediaStreamDestination();
    node.connect(new GainNode(context, { gain: 0.3 })).connect(output);
    microphone = output.stream.getAudioTracks()[0] ?? null;
  },

  plugMicrophone(): void { engine().setMicrophone(microphone); },
  unplugMicrophone(): void { engine().setMicrophone(null); },
  /** What a browser does when the device is pulled out. */
  breakMicrophone(): void { microphone?.stop(); microphone?.dispatchEvent(new Event('ended')); },

  /** The canvas and a tone in the place of a captured tab, where there is no prompt to accept. */
  fakeCapture(frequency: number | null): void {
    source = () => {
      const stream = canvas.captureStream(30);
      if (frequency !== null) {
        const { context, node } = tone(frequency);
        const output = context.createMediaStreamDestination();
        node.connect(new GainNode(context, { gain: 0.3 })).connect(output);
        for (const track of output.stream.getAudioTracks()) stream.addTrack(track);
      }
      return Promise.resolve(stream);
    };
  },
  refuseCapture(): void { source = () => Promise.reject(new DOMException('Permission denied by user', 'NotAllowedError')); },

  fakeMix,

  /** A prompt that nobody answers until `answerPrompt`. */
  holdPrompt(): void {
    const before = source;
    source = (options) => new Promise((resolve) => { answer = () => { resolve(before(options)); }; });
  },
  answerPrompt(): void { answer(); },

  start: (title: string) => outcome(engine().start({ title, microphone })),
  startAndAbort(): Promise<Outcome<RecordingInfo>> {
    const cancel = new AbortController();
    const started = outcome(engine().start({ title: 'Aborted', microphone, signal: cancel.signal }));
    cancel.abort();
    return started;
  },
  pause: () => outcome(Promise.resolve().then(() => engine().pause())),
  resume: () => outcome(Promise.resolve().then(() => engine().resume())),
  /** How much has been recorded now, as a timer would show it, ms. */
  recorded(): number {
    const { state } = engine();
    if (state.kind === 'paused') return state.recordedMs;
    if (state.kind === 'recording') return Date.now() - state.since;
    throw new Error(`Nothing is recorded while ${state.kind}`);
  },
  /** Goes on with a recording that ended. */
  goOn: (id: string) => outcome(engine().start({ title: '', microphone, continues: id })),
  stop: () => outcome(engine().stop()),
  list: () => outcome(engine().list()),
  save: (id: string) => outcome(engine().save(id)),
  saveAs: (id: string, format: SaveFormat) => outcome(engine().save(id, { format })),
  /**
   * The user chooses a file. The prompt cannot be answered from outside, so a file of this site takes the place of theirs:
   * it is written in the same way. Answers what is in it afterwards; null if there is none.
   * @param before what is in the file that they choose to replace; null for a new one
   */
  async saveChosen(id: string, { before, cancel, format = 'webm' }: { before: string | null; cancel: boolean; format?: SaveFormat }): Promise<Outcome<unknown> & { bytes: number | null; text: string | null }> {
    const root = await navigator.storage.getDirectory();
    let asked = '';
    Object.assign(globalThis, {
      async showSaveFilePicker({ suggestedName }: { suggestedName: string }) {
        asked = suggestedName;
        const handle = await root.getFileHandle(suggestedName, { create: true });
        if (before !== null) {
          const writable = await handle.createWritable();
          await writable.write(before);
          await writable.close();
        }
        return handle;
      },
    });
    const stop = new AbortController();
    const saved = await outcome(engine().save(id, { format, choose: true, signal: stop.signal, onProgress: () => { if (cancel) stop.abort(); } }));
    const file = await root.getFileHandle(asked).then((handle) => handle.getFile(), () => null);
    const answer = { ...saved, bytes: file?.size ?? null, text: file !== null && file.size < 100 ? await file.text() : null };
    if (file !== null) await root.removeEntry(asked);
    return answer;
  },
  refuseChoice(): void {
    Object.assign(globalThis, { showSaveFilePicker: () => Promise.reject(new DOMException('The user aborted a request.', 'AbortError')) });
  },
  saveWhereChosen: (id: string) => outcome(engine().save(id, { choose: true })),
  passphraseNeeded: () => engine().passphraseNeeded(),
  unlock: (passphrase: string) => outcome(engine().unlock(passphrase).then(() => true)),
  choosePassphrase: (passphrase: string) => outcome(engine().choosePassphrase(passphrase).then(() => true)),
  expire: () => engine().expire(),

  /** Only VP9 may be chosen. */
  onlyVp9(): void {
    const supported = MediaRecorder.isTypeSupported.bind(MediaRecorder);
    MediaRecorder.isTypeSupported = (type) => type.includes('vp9') && supported(type);
  },
  /** Notes 32 bytes out of the middle of every chunk that the encoder gives, as hexadecimal digits. */
  tapEncoder(): void {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its receiver below
    const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = async function tapped(this: Blob) {
      const data = await read.call(this);
      const middle = data.byteLength >> 1;
      taps.push([...new Uint8Array(data, Math.max(0, middle - 16), Math.min(32, data.byteLength))].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
      return data;
    };
  },
  tapped: () => taps,
  /** A recording with a mix and one stem per tone, each beginning when it is told, for two seconds. */
  async recordStems(database: string, voices: readonly { name: string; frequency: number; startMs: number }[]): Promise<string> {
    const journal = new Journal(database);
    const mimeType = 'audio/webm;codecs=opus';
    const writer = await journal.create({ title: 'Stems', startedAt: Date.now(), mimeType });
    await writer.describe({ markers: [{ atMs: 500, label: 'Question' }] });
    await Promise.all([{ name: '', frequency: 220, startMs: 0 }, ...voices].map(async ({ name, frequency, startMs }) => {
      const stem = name === '' ? 0 : writer.addStem({ participant: name, name, mimeType, startMs });
      const { context, node } = tone(frequency);
      const output = context.createMediaStreamDestination();
      node.connect(output);
      await context.resume();
      const encoder = new MediaRecorder(output.stream, { mimeType });
      let at = startMs;
      encoder.addEventListener('dataavailable', ({ data }) => void writer.append(data, at += 500, stem));
      let enough = 0;
      const finished = new Promise((resolve) => { encoder.addEventListener('stop', resolve); });
      encoder.addEventListener('dataavailable', () => { if (++enough === 4) encoder.stop(); });
      encoder.start(500);
      await finished;
    }));
    const { id } = await writer.complete();
    await journal.close();
    return id;
  },
  /** Aborts as soon as the first part of the file is made. */
  saveAndAbort(id: string): Promise<Outcome<unknown>> {
    const cancel = new AbortController();
    return outcome(engine().save(id, { signal: cancel.signal, onProgress: () => cancel.abort() }));
  },
  remove: (id: string) => outcome(engine().remove(id)),
  undoRemove: (id: string) => outcome(engine().undoRemove(id)),
  dispose: () => engine().dispose(),

  /** What the browser does when the user presses "Stop sharing". */
  endCapture(): void {
    for (const track of captured.at(-1)?.getVideoTracks() ?? []) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  },
  hoursPass(hours: number): void {
    const now = Date.now.bind(Date);
    Date.now = () => now() + hours * 3_600_000;
  },
  subscribeThrowing(): void { engine().subscribe(() => { throw new Error('a careless listener'); }); },

  seen: () => [...seen],
  /** What the browser says of the room it has, in the place of its own answer: a quota set from outside does not show in that. */
  sayRoom(free: number): void {
    navigator.storage.estimate = () => Promise.resolve({ quota: 5_000_000 + free, usage: 5_000_000 });
  },
  untilRoomKnown: () => until((state) => typeof state.remainingMs === 'number'),
  /** Resolves when this many ms are safe on disk. */
  untilSafe: (durationMs: number) => until((state) => (state.info?.durationMs ?? 0) >= durationMs),
  /** Resolves when about this much has been recorded, safe or not. */
  untilRecorded: (ms: number) => new Promise<void>((resolve) => {
    const look = (): void => {
      if (lab.recorded() >= ms) resolve();
      else requestAnimationFrame(look);
    };
    look();
  }),
  untilKind: (kind: RecorderState['kind']) => until((state) => state.kind === kind),

  /** What is in the database, hidden or not. */
  async stored(database: string): Promise<{ recordings: number; chunks: number }> {
    const opened = await request(indexedDB.open(database));
    const stores = opened.transaction(['recordings', 'chunks']);
    const counted = { recordings: await request(stores.objectStore('recordings').count()), chunks: await request(stores.objectStore('chunks').count()) };
    opened.close();
    return counted;
  },
  /** What a failing disk does to one chunk. Answers when the chunk began and ended, ms since the start. */
  async damage(database: string, id: string, sequence: number, how: 'lost' | 'cut' | 'scrambled'): Promise<{ from: number; to: number }> {
    const opened = await request(indexedDB.open(database));
    const chunks = opened.transaction('chunks', 'readwrite').objectStore('chunks');
    const before = await request(chunks.get([id, sequence - 1]) as IDBRequest<{ at: number }>);
    const chunk = await request(chunks.get([id, sequence]) as IDBRequest<{ data: ArrayBuffer; at: number }>);
    if (how === 'lost') await request(chunks.delete([id, sequence]));
    else {
      const data = how === 'cut' ? chunk.data.slice(0, chunk.data.byteLength / 2) : crypto.getRandomValues(new Uint8Array(Math.min(65_536, chunk.data.byteLength))).buffer;
      await request(chunks.put({ ...chunk, data }, [id, sequence]));
    }
    opened.close();
    return { from: before.at, to: chunk.at };
  },
  /** A newer version of the code asks for the database; true if it gets it at once. `upgraded` waits until it does. */
  upgrade: (database: string) => new Promise<boolean>((resolve) => {
    const asked = indexedDB.open(database, 1000);
    asked.onblocked = () => resolve(false);
    upgraded = request(asked).then((opened) => {
      opened.close();
      resolve(true);
      return true;
    });
  }),
  upgraded: () => upgraded,
  /** Resolves when no tab is recording it any more. */
  untilReleased: (database: string, id: string) => navigator.locks.request(`${database}/${id}`, () => undefined),
  /** Names of the private files that downloads were made of. */
  async exports(): Promise<string[]> {
    const names: string[] = [];
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('greenroom-exports', { create: true });
    for await (const name of folder.keys()) names.push(name);
    return names;
  },

  leftAlive: () => ({
    tracks: captured.flatMap((stream) => stream.getTracks()).filter((track) => track.readyState === 'live').length,
    contexts: contexts.filter((context) => context.state !== 'closed').length,
    microphone: microphone?.readyState ?? null,
  }),
};

const taps: string[] = [];
let upgraded = Promise.resolve(false);
let answer = (): void => undefined;

function request<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('refused'));
  });
}

function until(done: (state: SeenState) => boolean): Promise<SeenState> {
  const last = seen.at(-1);
  if (last !== undefined && done(last)) return Promise.resolve(last);
  return new Promise((resolve) => { watchers.push({ done, resolve }); });
}

declare global { var lab: RecorderLab }
export type RecorderLab = typeof lab;
globalThis.lab = lab;
