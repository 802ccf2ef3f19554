import { RecorderError } from './errors';

/** How long a suspended context is given to come to life. */
const RESUME_MS = 3000;
/** Long enough not to be heard as a click, short enough not to be heard as a fade; s. */
const RAMP_S = 0.012;
/** How long a new voice is waited for, s, and how often it is looked for, s. */
const OPEN_S = 0.15;
const LOOK_S = 0.004;
/**
 * How much of a new voice must have come without a pause, s: more than a packet of 10 ms. From afar the next one may be late as
 * well; a microphone's are not, and who changes theirs is not heard until then. Rounded up to what an analyser holds.
 */
const STEADY_S = { remote: 0.0201, local: 0.0101 };
/** How much of a voice from afar is in its queue, s: as late as one of its packets may be. */
const CUSHION_S = 0.02;
/** How often that is tried while the page is too busy for it. */
const CUSHION_TRIES = 3;
/** How long opening a microphone ahead may keep its user waiting, ms, and how long one that nobody came for is kept, ms. */
const PREPARE_MS = 250;
const KEPT_MS = 10_000;
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
  /** Whose it is: where one of theirs takes the place of another, there is no break. */
  readonly person: string;
  /** Goes to this output as well. */
  readonly branch?: string;
}

interface Playing {
  readonly voice: Voice;
  readonly gain: GainNode;
  /** Settles when it can be heard. */
  readonly open: Promise<void>;
  /** Fades out. */
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
  /** Opened ahead, and heard by nobody yet. */
  readonly #prepared = new WeakMap<MediaStreamTrack, Promise<MediaStreamAudioSourceNode>>();
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
    const over = [...this.#playing].filter(([track, { voice }]) => {
      const next = wanted.get(track);
      return next?.audible !== voice.audible || next.branch !== voice.branch;
    });
    for (const [track] of over) this.#playing.delete(track);
    const begun = [...wanted.values()].filter(({ track }) => !this.#playing.has(track)).map((voice) => this.#start(voice));
    for (const [, { voice, end }] of over) {
      // Another device: the last one is heard until the next one is.
      const next = begun.find((each) => each.voice.person === voice.person);
      if (next === undefined) end();
      else void next.open.then(end);
    }
  }

  /**
   * Opens a microphone that may be played soon, and resolves when it would be heard at once, or after some time. Without this,
   * whoever changes theirs is silent for as long as it takes to open, since the last one is stopped before the next is told of.
   */
  async prepare(microphone: MediaStreamTrack): Promise<void> {
    if (this.#context.state === 'closed' || microphone.readyState !== 'live') return;
    const life = new AbortController();
    const tapped = this.#tap(new MediaStream([microphone]), false, life.signal);
    this.#prepared.set(microphone, tapped);
    setTimeout(() => {
      life.abort();
      if (this.#prepared.delete(microphone)) tapped.then((source) => source.disconnect(), () => undefined);
    }, KEPT_MS);
    try {
      // The context may stand still.
      await Promise.race([tapped, new Promise((resolve) => setTimeout(resolve, PREPARE_MS))]);
    } catch (error) {
      this.#prepared.delete(microphone); // tried again when its turn comes
      throw error;
    }
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

  #start(voice: Voice): Playing {
    const { track } = voice;
    const stream = new MediaStream([track]);
    const keepAlive = voice.remote ? listen(stream) : null;
    const gain = new GainNode(this.#context, { gain: 0 });
    if (voice.audible) {
      gain.connect(this.#output);
      if (this.#meter !== null) gain.connect(this.#meter);
    }
    const branch = voice.branch === undefined ? undefined : this.#branches.get(voice.branch);
    if (branch !== undefined) gain.connect(branch);
    const life = new AbortController();
    const tapped = (this.#prepared.get(track) ?? this.#tap(stream, voice.remote, life.signal)).then((source) => {
      source.disconnect();
      source.connect(gain);
      return source;
    });
    this.#prepared.delete(track);
    const open = tapped.then(() => { if (!life.signal.aborted) ramp(gain, 1); });
    const end = (): void => {
      if (life.signal.aborted) return;
      life.abort();
      track.removeEventListener('ended', end);
      if (this.#playing.get(track) === playing) this.#playing.delete(track);
      ramp(gain, 0);
      const silent = (): void => {
        void tapped.then((source) => source.disconnect());
        gain.disconnect();
        if (keepAlive !== null) keepAlive.srcObject = null;
      };
      setTimeout(silent, FADE_MS);
    };
    track.addEventListener('ended', end);
    const playing: Playing = { voice, gain, open, end };
    this.#playing.set(track, playing);
    return playing;
  }

  /**
   * Connects a stream, and resolves when it comes without a break: it begins some hundredths of a second late, and with a
   * packet of 10 ms and a pause. A fade-in would be over by then, and the voice begin with a click. What does not come is
   * silent, and not waited for any longer.
   */
  async #tap(stream: MediaStream, remote: boolean, over: AbortSignal): Promise<MediaStreamAudioSourceNode> {
    const steady = this.#context.sampleRate * (remote ? STEADY_S.remote : STEADY_S.local);
    const ear = new AnalyserNode(this.#context, { fftSize: 2 ** Math.ceil(Math.log2(steady)) });
    const samples = new Float32Array(ear.fftSize);
    for (let tries = 1; ; tries++) {
      const source = this.#context.createMediaStreamSource(stream);
      source.connect(ear);
      const latest = this.#context.currentTime + OPEN_S;
      let flows = false;
      while (!over.aborted && !flows && this.#context.currentTime < latest) {
        await this.#after(LOOK_S);
        ear.getFloatTimeDomainData(samples);
        // A wave crosses zero, but does not stay there.
        flows = samples.every((sample, index) => sample !== 0 || samples[index + 1] !== 0);
      }
      if (!remote) return source; // still flowing: what waits in a queue would be late
      source.disconnect();
      // Chromium takes from a source's queue from the first packet on: the next one that is late would be a hole. While nothing
      // is connected, it takes nothing.
      const before = this.#context.currentTime;
      if (QUEUES) await this.#after(CUSHION_S);
      if (tries < CUSHION_TRIES && this.#context.currentTime - before > 2 * CUSHION_S && !over.aborted) continue; // a new one's queue is empty
      return source;
    }
  }

  /** Resolves after some time of the audio engine, s. Timers of a hidden page may be a second late. */
  #after(seconds: number): Promise<void> {
    const clock = new ConstantSourceNode(this.#context, { offset: 0 });
    clock.connect(this.#output);
    clock.start();
    clock.stop(this.#context.currentTime + seconds);
    return new Promise((resolve) => {
      clock.onended = () => {
        clock.disconnect();
        resolve();
      };
    });
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
    const late = [...this.#playing.values()];
    this.#playing.clear();
    for (const { voice, end } of late) void this.#start(voice).open.then(end);
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
