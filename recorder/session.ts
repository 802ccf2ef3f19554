import { captureTab, type Capture, type CaptureReport } from './capture';
import { RecorderError, throwIfAborted } from './errors';
import type { Journal, JournalWriter, Marker, Participant, RecordingInfo, RecordingSource } from './journal';
import { Mix, type Voice } from './mix';
import type { Person } from './people';
import type { RoomPicture } from './room';
import { mimeTypeOfStems, Stems } from './stems';
import type { Layout } from './stage';

/** What is recorded, and of whom. */
export interface SessionSubject {
  readonly title: string;
  readonly source: RecordingSource;
  readonly layout: Layout;
  readonly people: readonly Person[];
  /** Whether each of them has a file of their sound as well. */
  readonly stems: boolean;
  /** A recording to go on with, instead of a new one. */
  readonly continues?: string | undefined;
}

/** `auto`: what the browser encodes for the least work. Only what has a place in WebM, see `mimeTypes`. */
export type VideoCodec = 'auto' | 'vp8' | 'vp9' | 'av1';

export interface SessionOptions {
  readonly videoCodec: VideoCodec;
  readonly videoBitsPerSecond: number;
  readonly audioBitsPerSecond: number;
  readonly timesliceMs: number;
}

/** Best first. VP8 costs the least CPU to encode; WebM because a truncated one still plays, up to its last second. */
const mimeTypes = ['video/webm;codecs=vp8,opus', 'video/webm;codecs=vp9,opus', 'video/webm', 'video/mp4;codecs=avc1.42E01F,mp4a.40.2', 'video/mp4'];
const typesOf: Readonly<Record<VideoCodec, readonly string[]>> = {
  auto: [],
  vp8: ['video/webm;codecs=vp8,opus'],
  vp9: ['video/webm;codecs=vp9,opus'],
  av1: ['video/webm;codecs=av01,opus', 'video/webm;codecs=av1,opus'],
};
const soundTypes = ['audio/webm;codecs=opus', 'audio/webm', 'audio/mp4'];

/** What an encoder gets to see. The owner calls `dispose`. */
interface Sight {
  /** Null: only sound is recorded. */
  readonly video: MediaStreamTrack | null;
  readonly room: RoomPicture | null;
  readonly capture: Capture | null;
  dispose(): void;
}

/** One recording, from the click to the last chunk on disk. Owns what it captures; borrows the tracks of people. */
export class Session {
  readonly #mimeType: string;
  readonly #mix: Mix;
  readonly #seeing: Promise<Sight>;
  #sight: Sight | null = null;
  #people: readonly Person[];
  #layout: Layout;
  #participants: readonly Participant[] = [];
  #markers: readonly Marker[] = [];
  #writer: JournalWriter | null = null;
  #encoder: MediaRecorder | null = null;
  #stems: Stems | null = null;
  #failure: RecorderError | null = null;
  /** What was recorded before the last pause, ms; and when the encoder was started or resumed, by the page's clock. */
  #recordedMs = 0;
  #runningSince: number | null = null;

  /**
   * Construct it on the user's click: the prompt and the audio engine depend on it. Then call `begin`.
   * @throws RecorderError `unsupported`
   */
  constructor(
    private readonly journal: Journal,
    private readonly subject: SessionSubject,
    private readonly options: SessionOptions,
    private readonly signal: AbortSignal | undefined,
    /** Called for every chunk that is safe on disk. */
    private readonly onProgress: (info: RecordingInfo) => void,
  ) {
    this.#people = subject.people;
    this.#layout = subject.layout;
    // The prompt last: what may throw here must not leave a capture behind.
    this.#mimeType = chooseMimeType(subject.source === 'sound' ? soundTypes : [...typesOf[options.videoCodec], ...mimeTypes]);
    if (subject.stems) mimeTypeOfStems();
    this.#mix = new Mix();
    this.#seeing = see(subject.source, signal);
    this.#seeing.catch(() => undefined);
  }

  /**
   * Resolves when the encoder runs. `ended` settles when the last chunk is safe, whoever ended the recording: it rejects
   * when something was lost, and `info` then says what was not.
   * @throws RecorderError and leaves nothing behind
   */
  async begin(): Promise<{ info: RecordingInfo; capture: CaptureReport | null; ended: Promise<RecordingInfo> }> {
    try {
      const sight = this.#sight = await this.#seeing;
      this.#follow();
      await this.#mix.ready();
      throwIfAborted(this.signal);

      this.#writer = await this.#openJournal();
      this.#recordedMs = this.#writer.info.durationMs;
      throwIfAborted(this.signal);
      if (sight.video !== null && sight.video.readyState !== 'live') throw new RecorderError('capture', 'The capture ended at once');
      const ended = this.#conclude(this.#encode(sight.video, this.#writer), this.#writer);
      ended.catch(() => undefined);
      return { info: this.#writer.info, capture: sight.capture?.report ?? null, ended };
    } catch (error) {
      await this.#release();
      throw RecorderError.from(error, 'encoder', 'The recording could not start');
    }
  }

  async #openJournal(): Promise<JournalWriter> {
    const { title, source, continues } = this.subject;
    if (continues === undefined) {
      this.#participants = attend([], this.#followed(), 0);
      return await this.journal.create({ title, startedAt: Date.now(), mimeType: this.#mimeType, source, participants: this.#participants });
    }
    const writer = await this.journal.continue(continues, Date.now());
    const { participants, durationMs, markers } = writer.info;
    this.#markers = markers;
    // Whoever was there when the last segment ended left with it.
    this.#participants = attend(attend(participants, [], durationMs), this.#followed(), durationMs);
    writer.describe({ participants: this.#participants }).catch(() => undefined); // the next chunk meets the same failure
    return writer;
  }

  get info(): RecordingInfo | null {
    return this.#writer?.info ?? null;
  }

  /** How much has been recorded, without the pauses, ms. */
  get recordedMs(): number {
    return this.#recordedMs + (this.#runningSince === null ? 0 : performance.now() - this.#runningSince);
  }

  /** The file has no gap: its clock stands still as well. What was recorded is sent to the disk at once. */
  pause(): void {
    if (this.#encoder?.state !== 'recording') return;
    this.#encoder.pause();
    this.#recordedMs = this.recordedMs;
    this.#runningSince = null;
    this.#encoder.requestData();
    this.#stems?.pause();
  }

  resume(): void {
    if (this.#encoder?.state !== 'paused') return;
    this.#encoder.resume();
    this.#runningSince = performance.now();
    this.#stems?.resume();
  }

  /** Who is there now, and how they can be seen and heard. */
  setPeople(people: readonly Person[], layout = this.#layout): void {
    this.#people = people;
    this.#layout = layout;
    this.#follow();
    const participants = attend(this.#participants, this.#followed(), Math.round(this.recordedMs));
    if (this.#writer === null || participants === this.#participants) return;
    this.#participants = participants;
    // A failure stays with the writer: the next chunk meets it.
    this.#writer.describe({ participants }).catch(() => undefined);
  }

  /** See Recorder.prepare. */
  prepare(microphone: MediaStreamTrack): Promise<void> {
    return this.#mix.prepare(microphone);
  }

  /** Resolves when the marker is safe on disk. */
  mark(label: string): Promise<void> {
    return this.setMarkers([...this.#markers, { atMs: Math.round(this.recordedMs), label }]);
  }

  async setMarkers(markers: readonly Marker[]): Promise<void> {
    if (this.#writer === null) return;
    this.#markers = markers;
    await this.#writer.describe({ markers });
    this.onProgress(this.#writer.info);
  }

  /** See Mix.meter. */
  meter(listener: ((peak: number) => void) | null): void {
    this.#mix.meter(listener);
  }

  /** Asks the encoder for its last chunk; `ended` says when it is safe. */
  stop(): void {
    if (this.#encoder !== null && this.#encoder.state !== 'inactive') this.#encoder.stop();
  }

  /** Resolves after the last chunk was appended, also when the encoder stops by itself. */
  #encode(video: MediaStreamTrack | null, writer: JournalWriter): { stopped: Promise<unknown> } {
    const { timesliceMs, videoBitsPerSecond, audioBitsPerSecond } = this.options;
    const encoder = new MediaRecorder(new MediaStream([...(video === null ? [] : [video]), this.#mix.track]), { mimeType: writer.info.mimeType, videoBitsPerSecond, audioBitsPerSecond });
    this.#encoder = encoder;
    this.#runningSince = performance.now();

    encoder.addEventListener('dataavailable', ({ data }) => {
      if (data.size === 0) return;
      this.#written(writer.append(data, this.recordedMs), writer);
    });
    encoder.addEventListener('error', (event) => this.#fail(new RecorderError('encoder', 'The encoder failed', event)));
    // The browser's own "Stop sharing". The sound would go on for ever without this.
    video?.addEventListener('ended', () => this.stop());
    const stopped = new Promise<unknown>((resolve) => encoder.addEventListener('stop', resolve, { once: true }));
    encoder.start(timesliceMs);
    if (this.subject.stems) {
      this.#stems = new Stems(this.#mix, writer, { audioBitsPerSecond, timesliceMs, clock: () => this.recordedMs, onChunk: (written) => this.#written(written, writer) });
      this.#stems.follow(this.#followed());
    }
    return { stopped };
  }

  #written(written: Promise<void>, writer: JournalWriter): void {
    written.then(() => this.onProgress(writer.info), (error: unknown) => this.#fail(error));
  }

  async #conclude({ stopped }: { stopped: Promise<unknown> }, writer: JournalWriter): Promise<RecordingInfo> {
    await stopped;
    await this.#stems?.stop();
    try {
      // Not marked complete after a failure: nothing can be written to a full disk, and the recording did not reach its end.
      if (this.#failure === null) await writer.complete().catch((error: unknown) => this.#fail(error));
    } finally {
      await this.#release();
    }
    if (this.#failure === null && writer.info.bytes === 0) this.#fail(new RecorderError('encoder', 'The encoder wrote nothing'));
    if (this.#failure !== null) throw this.#failure;
    return writer.info;
  }

  // The first failure is the cause, what follows are its consequences.
  #fail(error: unknown): void {
    this.#failure ??= RecorderError.from(error, 'storage', 'A chunk could not be saved');
    this.stop();
  }

  async #release(): Promise<void> {
    // An abort may have come while the sight was being opened.
    (this.#sight ?? await this.#seeing.catch(() => null))?.dispose();
    this.#mix.dispose();
    await this.#writer?.close();
  }

  /** Those who are in the recording. */
  #followed(): readonly Person[] {
    return this.subject.source === 'self' ? this.#people.filter(({ local }) => local === true) : this.#people;
  }

  /** Makes picture and sound what they are now. */
  #follow(): void {
    if (this.#sight === null) return; // opened later, with those who are there then
    const { room, capture } = this.#sight;
    const people = this.#followed();
    room?.update(people, this.#layout);
    // The captured tab has the others in it already, unless it is another one, or came without its sound.
    const tab = capture === null || capture.report.ownTab === false ? null : capture.audio;
    const voices = people.flatMap(({ id, local = false, audio = [] }): Voice[] => audio.map((track) => ({ track, remote: !local, audible: local || tab === null, person: id, ...(this.subject.stems ? { branch: id } : {}) })));
    if (tab !== null) voices.push({ track: tab, remote: false, audible: true, person: '' });
    this.#mix.play(voices);
    this.#stems?.follow(people);
  }
}

/** Calls getDisplayMedia before it returns where there is something to ask. */
async function see(source: RecordingSource, signal: AbortSignal | undefined): Promise<Sight> {
  throwIfAborted(signal);
  switch (source) {
    case 'tab': {
      const capture = await captureTab(signal);
      return { video: capture.video, room: null, capture, dispose: () => { capture.video.stop(); capture.audio?.stop(); } };
    }
    case 'room':
    case 'self': {
      // Fetched when it is wanted: it would be a part of every page's start.
      const { openRoom } = await import(/* webpackChunkName: "recorder-room-page" */ './room');
      const room = await openRoom();
      return { video: room.track, room, capture: null, dispose: () => room.dispose() };
    }
    case 'sound':
      return { video: null, room: null, capture: null, dispose: () => undefined };
  }
}

/** The list of participants once these are there; the same object if nothing has changed. */
function attend(before: readonly Participant[], people: readonly Person[], nowMs: number): readonly Participant[] {
  const there = new Map(people.filter(({ name }) => name !== '').map((person) => [person.id, person]));
  const after = before.map((participant) => {
    if (participant.leftMs !== null) return participant;
    const person = there.get(participant.id);
    if (person === undefined) return { ...participant, leftMs: nowMs };
    there.delete(participant.id);
    return person.name === participant.name ? participant : { ...participant, name: person.name };
  });
  // Somebody who comes back is listed a second time.
  for (const { id, name } of there.values()) after.push({ id, name, joinedMs: nowMs, leftMs: null });
  return after.length === before.length && after.every((participant, index) => participant === before[index]) ? before : after;
}

function chooseMimeType(types: readonly string[]): string {
  const mimeType = typeof MediaRecorder === 'undefined' ? undefined : types.find((type) => MediaRecorder.isTypeSupported(type));
  if (mimeType === undefined) throw new RecorderError('unsupported', 'This browser cannot encode a recording');
  return mimeType;
}
