import { captureTab, type Capture, type CaptureReport } from './capture';
import { RecorderError, throwIfAborted } from './errors';
import type { Journal, JournalWriter, RecordingInfo } from './journal';
import { Mix } from './mix';

export interface SessionOptions {
  readonly videoBitsPerSecond: number;
  readonly audioBitsPerSecond: number;
  readonly timesliceMs: number;
}

/** Best first. VP8 costs the least CPU to encode; WebM because a truncated one still plays, up to its last second. */
const mimeTypes = ['video/webm;codecs=vp8,opus', 'video/webm;codecs=vp9,opus', 'video/webm', 'video/mp4;codecs=avc1.42E01F,mp4a.40.2', 'video/mp4'];

/** One recording, from the prompt to the last chunk on disk. Owns the captured tracks; borrows the microphone. */
export class Session {
  readonly #mimeType: string;
  readonly #mix: Mix;
  readonly #capturing: Promise<Capture>;
  #capture: Capture | null = null;
  #writer: JournalWriter | null = null;
  #encoder: MediaRecorder | null = null;
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
    private readonly options: SessionOptions,
    private readonly signal: AbortSignal | undefined,
    /** Called for every chunk that is safe on disk. */
    private readonly onProgress: (info: RecordingInfo) => void,
  ) {
    // The prompt last: what may throw here must not leave a capture behind.
    this.#mimeType = chooseMimeType();
    this.#mix = new Mix();
    this.#capturing = captureTab(signal);
    this.#capturing.catch(() => undefined);
  }

  /**
   * Resolves when the encoder runs. `ended` settles when the last chunk is safe, whoever ended the recording: it rejects
   * when something was lost, and `info` then says what was not.
   * @throws RecorderError and leaves nothing behind
   */
  async begin(title: string): Promise<{ info: RecordingInfo; capture: CaptureReport; ended: Promise<RecordingInfo> }> {
    try {
      this.#capture = await this.#capturing;
      this.#mix.set('tab', this.#capture.audio);
      await this.#mix.ready();
      throwIfAborted(this.signal);

      this.#writer = await this.journal.create({ title, startedAt: Date.now(), mimeType: this.#mimeType, source: 'tab' });
      throwIfAborted(this.signal);
      if (this.#capture.video.readyState !== 'live') throw new RecorderError('capture', 'The capture ended at once');
      const ended = this.#conclude(this.#encode(this.#capture.video, this.#writer), this.#writer);
      ended.catch(() => undefined);
      return { info: this.#writer.info, capture: this.#capture.report, ended };
    } catch (error) {
      await this.#release();
      throw RecorderError.from(error, 'encoder', 'The recording could not start');
    }
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
  }

  resume(): void {
    if (this.#encoder?.state !== 'paused') return;
    this.#encoder.resume();
    this.#runningSince = performance.now();
  }

  setMicrophone(track: MediaStreamTrack | null): void {
    this.#mix.set('microphone', track);
  }

  /** Asks the encoder for its last chunk; `ended` says when it is safe. */
  stop(): void {
    if (this.#encoder !== null && this.#encoder.state !== 'inactive') this.#encoder.stop();
  }

  /** Resolves after the last chunk was appended, also when the encoder stops by itself. */
  #encode(video: MediaStreamTrack, writer: JournalWriter): { stopped: Promise<unknown> } {
    const { timesliceMs, ...rates } = this.options;
    const encoder = new MediaRecorder(new MediaStream([video, this.#mix.track]), { mimeType: this.#mimeType, ...rates });
    this.#encoder = encoder;
    this.#runningSince = performance.now();

    encoder.addEventListener('dataavailable', ({ data }) => {
      if (data.size === 0) return;
      writer.append(data, this.recordedMs).then(() => this.onProgress(writer.info), (error: unknown) => this.#fail(error));
    });
    encoder.addEventListener('error', (event) => this.#fail(new RecorderError('encoder', 'The encoder failed', event)));
    // The browser's own "Stop sharing". The sound would go on for ever without this.
    video.addEventListener('ended', () => this.stop());
    const stopped = new Promise<unknown>((resolve) => encoder.addEventListener('stop', resolve, { once: true }));
    encoder.start(timesliceMs);
    return { stopped };
  }

  async #conclude({ stopped }: { stopped: Promise<unknown> }, writer: JournalWriter): Promise<RecordingInfo> {
    await stopped;
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
    this.#capture?.video.stop();
    this.#capture?.audio?.stop();
    this.#mix.dispose();
    await this.#writer?.close();
  }
}

function chooseMimeType(): string {
  const mimeType = typeof MediaRecorder === 'undefined' ? undefined : mimeTypes.find((type) => MediaRecorder.isTypeSupported(type));
  if (mimeType === undefined) throw new RecorderError('unsupported', 'This browser cannot encode a recording');
  return mimeType;
}
