import { RecorderError } from './errors';

/** How long a suspended context is given to come to life. */
const RESUME_MS = 3000;
/** Long enough not to be heard as a click, short enough not to be heard as a fade; s. */
const RAMP_S = 0.012;
/** After this a voice that ended is silent, ms. */
export const FADE_MS = 4000 * RAMP_S;
/** How often the level is told, ms. */
const LEVEL_MS = 100;

/** How often it is looked whether the sound has fallen behind, ms, and by how much it may, ms: more than the clocks' jitter. */
const CATCH_UP_MS = 1000;
const BEHIND_MS = 25;

/**
 * Whether this is Chromium, which is the one to catch up in. In Firefox it must not be tried: asked for its output's time,
 * it waits for the sound server with the lock held that the sound server's callback waits for, and sometimes for ever.
 */
const QUEUES = typeof MediaStreamTrackProcessor === 'function';

/** A track that is to be heard. */
export interface Voice {
  readonly track: MediaStreamTrack;
  /** Comes from another computer. */
  readonly remote: boolean;
  /** Whether it goes into the mix; one that does not can still go to its branch. */
  readonly audible: boolean;
  /** Goes to this output as well. */
  readonly branch?: string;
}

interface Playing {
  readonly voice: Voice;
  readonly gain: GainNode;
  readonly end: () => void;
}

/**
 * One audio track that lives as long as the recording, fed by tracks that come and go. A MediaRecorder stops when a
 * track is added to or removed from its stream, so what changes has to change in here.
 *
 * Tracks are borrowed, never cloned or stopped: a clone would keep sounding after the meeting muted the original.
 */
export class Mix {
  readonly #context: AudioContext;
  readonly #output: MediaStreamAudioDestinationNode;
  /** Into every output: Chromium renders none that nothing is connected to, and a recorder's time would stand still. */
  readonly #silence: ConstantSourceNode;
  readonly #branches = new Map<string, MediaStreamAudioDestinationNode>();
  readonly #playing = new Map<MediaStreamTrack, Playing>();
  #meter: AnalyserNode | null = null;
  #metering: ReturnType<typeof setInterval> | undefined;
  readonly #catchingUp: ReturnType<typeof setInterval> | undefined;
  /** By how much the context's clock was behind the page's at the last stall, or since then at the least, ms. */
  #behind = Infinity;
  #fellBehind = false;

  /** Create it on the user's click, or the browser's autoplay policy may keep it suspended. */
  constructor() {
    this.#context = new AudioContext();
    this.#output = this.#context.createMediaStreamDestination();
    this.#silence = this.#context.createConstantSource();
    this.#silence.offset.value = 0;
    this.#silence.connect(this.#output);
    this.#silence.start();
    this.#context.addEventListener('statechange', this.#wake);
    this.#wake();
    if (QUEUES) this.#catchingUp = setInterval(() => this.#catchUp(), CATCH_UP_MS);
  }

  get track(): MediaStreamTrack {
    return soundOf(this.#output);
  }

  /** A further output, with only the voices of this branch. It sounds, or is silent, until it is ended. */
  branch(name: string): MediaStreamTrack {
    let output = this.#branches.get(name);
    if (output === undefined) {
      output = this.#context.createMediaStreamDestination();
      this.#branches.set(name, output);
      this.#silence.connect(output);
      for (const { voice, gain } of this.#playing.values()) if (voice.branch === name) gain.connect(output);
    }
    return soundOf(output);
  }

  endBranch(name: string): void {
    const output = this.#branches.get(name);
    if (output === undefined) return;
    this.#branches.delete(name);
    this.#silence.disconnect(output);
    for (const { voice, gain } of this.#playing.values()) if (voice.branch === name) gain.disconnect(output);
    for (const track of output.stream.getTracks()) track.stop();
  }

  /** Makes these the ones that sound: what is new fades in, what is missing fades out, the others go on untouched. */
  play(voices: readonly Voice[]): void {
    if (this.#context.state === 'closed') return;
    const wanted = new Map(voices.filter(({ track, audible, branch }) => track.readyState === 'live' && (audible || branch !== undefined)).map((voice) => [voice.track, voice]));
    for (const [track, { voice, end }] of [...this.#playing]) {
      const next = wanted.get(track);
      if (next?.audible !== voice.audible || next.branch !== voice.branch) end();
    }
    for (const voice of wanted.values()) if (!this.#playing.has(voice.track)) this.#start(voice);
  }

  /**
   * Calls `listener` some ten times a second with the loudest sample of the mix since the last time, 0 to 1; in the place of
   * an earlier one. Null: nobody listens, and nothing is measured.
   */
  meter(listener: ((peak: number) => void) | null): void {
    clearInterval(this.#metering);
    for (const { voice, gain } of this.#playing.values()) if (voice.audible && this.#meter !== null) gain.disconnect(this.#meter);
    this.#meter = null;
    if (listener === null || this.#context.state === 'closed') return;
    // As many samples as come between two looks, and no fewer.
    const meter = this.#meter = new AnalyserNode(this.#context, { fftSize: 8192 });
    // An analyser takes whatever is connected; the destination node has no output of its own to tap.
    for (const { voice, gain } of this.#playing.values()) if (voice.audible) gain.connect(meter);
    const samples = new Float32Array(meter.fftSize);
    this.#metering = setInterval(() => {
      meter.getFloatTimeDomainData(samples);
      let peak = 0;
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      listener(peak);
    }, LEVEL_MS);
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
    clearInterval(this.#metering);
    clearInterval(this.#catchingUp);
    this.#context.removeEventListener('statechange', this.#wake);
    for (const { end } of [...this.#playing.values()]) end();
    if (this.#context.state !== 'closed') void this.#context.close();
  }

  #start(voice: Voice): void {
    const { track } = voice;
    const stream = new MediaStream([track]);
    const keepAlive = voice.remote ? listen(stream) : null;
    const source = this.#context.createMediaStreamSource(stream);
    const gain = new GainNode(this.#context, { gain: 0 });
    source.connect(gain);
    if (voice.audible) {
      gain.connect(this.#output);
      if (this.#meter !== null) gain.connect(this.#meter);
    }
    const branch = voice.branch === undefined ? undefined : this.#branches.get(voice.branch);
    if (branch !== undefined) gain.connect(branch);
    ramp(gain, 1);
    const end = (): void => {
      track.removeEventListener('ended', end);
      this.#playing.delete(track);
      ramp(gain, 0);
      const silent = (): void => {
        source.disconnect();
        gain.disconnect();
        if (keepAlive !== null) keepAlive.srcObject = null;
      };
      setTimeout(silent, FADE_MS);
    };
    track.addEventListener('ended', end);
    this.#playing.set(track, { voice, gain, end });
  }

  // While the context stands still, on a busy machine, its sources go on and queue. Chromium never shortens such a queue
  // again: the sound would stay late against the picture to the end of the recording. A new source begins an empty one.
  #catchUp(): void {
    const { contextTime = 0, performanceTime = 0 } = this.#context.getOutputTimestamp();
    if (contextTime === 0) return; // nothing has sounded yet
    const behind = performanceTime - 1000 * contextTime;
    this.#behind = Math.min(this.#behind, behind);
    const fell = behind - this.#behind >= BEHIND_MS;
    if (fell) this.#behind = behind;
    // Not at once: what was queued on the way to the page is still coming, and would fill the new queues.
    const isOver = this.#fellBehind && !fell;
    this.#fellBehind = fell;
    if (!isOver) return;
    const voices = [...this.#playing.values()];
    for (const { end } of voices) end();
    this.play(voices.map(({ voice }) => voice));
  }

  // A phone call, a device change or a sleeping laptop may suspend a running context: the recording goes on after it.
  readonly #wake = (): void => {
    if (this.#context.state !== 'running' && this.#context.state !== 'closed') this.#context.resume().catch(() => undefined);
  };
}

function soundOf(output: MediaStreamAudioDestinationNode): MediaStreamTrack {
  const [track] = output.stream.getAudioTracks();
  if (track === undefined) throw new RecorderError('unsupported', 'The audio engine has no output');
  return track;
}

function ramp({ gain, context }: GainNode, to: number): void {
  const now = context.currentTime;
  gain.cancelScheduledValues(now);
  gain.setValueAtTime(gain.value, now);
  gain.linearRampToValueAtTime(to, now + RAMP_S);
}

/** Chromium decodes a remote track only while an element plays it; Web Audio alone hears silence (crbug.com/40094084). */
function listen(stream: MediaStream): HTMLAudioElement {
  const element = new Audio();
  element.muted = true;
  element.srcObject = stream;
  element.play().catch(() => undefined);
  return element;
}
