import { RecorderError } from './errors';

/** How long a suspended context is given to come to life. */
const RESUME_MS = 3000;

type Voice = 'tab' | 'microphone';

/**
 * One audio track that lives as long as the recording, fed by tracks that come and go. A MediaRecorder stops when a
 * track is added to or removed from its stream, so what changes has to change in here.
 *
 * Tracks are borrowed, never cloned or stopped: a clone would keep sounding after the meeting muted the original.
 */
export class Mix {
  readonly #context: AudioContext;
  readonly #output: MediaStreamAudioDestinationNode;
  readonly #voices = new Map<Voice, { track: MediaStreamTrack; silence: () => void }>();

  /** Create it on the user's click, or the browser's autoplay policy may keep it suspended. */
  constructor() {
    this.#context = new AudioContext();
    this.#output = this.#context.createMediaStreamDestination();
    this.#context.addEventListener('statechange', this.#wake);
    this.#wake();
  }

  get track(): MediaStreamTrack {
    const [track] = this.#output.stream.getAudioTracks();
    if (track === undefined) throw new RecorderError('unsupported', 'The audio engine has no output');
    return track;
  }

  /** Puts `track` in the place of what sounded as `voice`; null or an ended track leaves silence. */
  set(voice: Voice, track: MediaStreamTrack | null): void {
    const before = this.#voices.get(voice);
    if (before?.track === track) return;
    before?.silence();
    if (track?.readyState !== 'live' || this.#context.state === 'closed') return;

    const source = this.#context.createMediaStreamSource(new MediaStream([track]));
    source.connect(this.#output);
    const silence = (): void => {
      track.removeEventListener('ended', silence);
      source.disconnect();
      this.#voices.delete(voice);
    };
    track.addEventListener('ended', silence);
    this.#voices.set(voice, { track, silence });
  }

  /**
   * Resolves once the track carries sound or silence. An encoder fed by a suspended context writes nothing at all, not
   * even the picture.
   * @throws RecorderError `no-audio`
   */
  async ready(): Promise<void> {
    if (this.#context.state === 'running') return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new RecorderError('no-audio', `The audio engine stayed ${this.#context.state}`)), RESUME_MS);
      this.#context.addEventListener('statechange', () => {
        if (this.#context.state !== 'running') return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  dispose(): void {
    this.#context.removeEventListener('statechange', this.#wake);
    for (const { silence } of [...this.#voices.values()]) silence();
    if (this.#context.state !== 'closed') void this.#context.close();
  }

  // A phone call, a device change or a sleeping laptop may suspend a running context: the recording goes on after it.
  readonly #wake = (): void => {
    if (this.#context.state !== 'running' && this.#context.state !== 'closed') this.#context.resume().catch(() => undefined);
  };
}
