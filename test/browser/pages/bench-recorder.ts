// The stage on which recorders are measured: a picture that says when it was painted, a beep on every full second, and the
// ways to record them, ours and others'.
import { Recorder, type RecordingInfo } from '../../../recorder';
import { Journal } from '../../../recorder/journal';
import { BEEP_EVERY_MS, BEEP_HZ, BEEP_MS, CLOCK_MS } from '../../bench/recorder-clock';
import { paintMark } from '../../tools/marks';
import { fakeMix } from '../fake-mix';
import { closePlayer, lastExport, openPlayer, playToEnd, seek, shownMark } from '../player';

/** Ways to record that are not ours. `writable` is what Jitsi Meet does: its codec, rate, interval and file. */
export type Peer = 'memory' | 'writable' | 'recordrtc';

interface RecordRTCInstance { startRecording(): void; stopRecording(done: () => void): void; getBlob(): Blob }
type RecordRTCClass = new (stream: MediaStream, options: object) => RecordRTCInstance;

const DATABASE = 'bench';
const WRITABLE_FILE = 'peer.webm';
const MIME_TYPE = 'video/webm;codecs=vp8,opus';
const VIDEO_BITS_PER_SECOND = 2_500_000;

document.body.style.cssText = 'margin: 0; overflow: hidden';
const canvas = document.body.appendChild(document.createElement('canvas'));
const fill = (): void => { Object.assign(canvas, { width: innerWidth, height: innerHeight }); };
fill();
addEventListener('resize', fill);
const picture = canvas.getContext('2d', { alpha: false })!;

// The mark is painted small and scaled up: one cell is 2 x 2 pixels of this.
const [MARK_WIDTH, MARK_HEIGHT] = [80, 45];
const plane = new Uint8Array(MARK_WIDTH * MARK_HEIGHT);
const pixels = new ImageData(MARK_WIDTH, MARK_HEIGHT);
const patch = new OffscreenCanvas(MARK_WIDTH, MARK_HEIGHT);
const patchContext = patch.getContext('2d')!;

/** Epoch, ms. Not Date.now(), which is set anew when the system's clock is. */
const epoch = (): number => performance.timeOrigin + performance.now();

// Grain, as a camera has it, is what an encoder spends its bits on.
const GRAIN = 256;
const grain = new OffscreenCanvas(GRAIN, GRAIN);
const noise = new ImageData(GRAIN, GRAIN);
for (let i = 0; i < GRAIN * GRAIN; i++) noise.data.set([Math.random() * 255, Math.random() * 255, Math.random() * 255, 40], 4 * i);
grain.getContext('2d')!.putImageData(noise, 0, 0);

function paint(): void {
  const now = Math.round(epoch());
  const { width, height } = canvas;
  // Something like a gallery of four: still rooms, heads that sway.
  for (let tile = 0; tile < 4; tile++) {
    const [left, top] = [(tile % 2) * width / 2, (tile >> 1) * height / 2];
    picture.fillStyle = `hsl(${tile * 90} 30% 45%)`;
    picture.fillRect(left, top, width / 2, height / 2);
    picture.fillStyle = `hsl(${tile * 90 + 40} 40% 60%)`;
    picture.beginPath();
    picture.arc(left + width / 4 + width / 30 * Math.sin(now / 700 + tile), top + height * 0.32, height / 9, 0, 2 * Math.PI);
    picture.fill();
  }
  picture.imageSmoothingEnabled = false;
  picture.drawImage(grain, GRAIN / 4 * Math.random(), GRAIN / 4 * Math.random(), GRAIN * 0.75, GRAIN * 0.75, 0, height * 0.3, width, height * 0.7);
  plane.fill(0);
  paintMark(plane, MARK_WIDTH, MARK_HEIGHT, MARK_WIDTH, now % CLOCK_MS);
  for (let i = 0; i < plane.length; i++) {
    // From the luma, in limited range, to the grey that an encoder makes it of.
    pixels.data.fill((plane[i]! - 16) * 255 / 219, 4 * i, 4 * i + 3);
    pixels.data[4 * i + 3] = plane[i] === 0 ? 0 : 255;
  }
  patchContext.putImageData(pixels, 0, 0);
  picture.drawImage(patch, 0, 0, width, height);
}
let paintedAt = 0;
const FRAME_MS = 1000 / 30;
requestAnimationFrame(function frame(at) {
  if (at - paintedAt > FRAME_MS - 5) {
    paintedAt = at;
    paint();
  }
  requestAnimationFrame(frame);
});

// Notes what our recorder captures, so that others can record the same.
const ask = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
let source = ask;
let capture: MediaStream | null = null;
navigator.mediaDevices.getDisplayMedia = async (options) => (capture = await source(options));

let recorder: Recorder | null = null;
let microphone: MediaStreamTrack | null = null;
let peer: { stop(): Promise<void> } | null = null;

function engine(): Recorder {
  return recorder ??= new Recorder({ database: DATABASE });
}

/** Beeps through the loudspeaker at full seconds of the epoch, by the time at which they are heard. */
async function beep(): Promise<void> {
  const context = new AudioContext();
  await context.resume();
  const tone = new OscillatorNode(context, { frequency: BEEP_HZ });
  const gate = new GainNode(context, { gain: 0 });
  tone.connect(gate).connect(context.destination);
  tone.start();
  let next = 0;
  setInterval(() => {
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    const heardAt = (time: number): number => contextTime + (time - performance.timeOrigin - performanceTime) / 1000;
    const due = Math.ceil((epoch() + 200) / BEEP_EVERY_MS) * BEEP_EVERY_MS;
    if (due <= next) return;
    next = due;
    gate.gain.setValueAtTime(0.4, heardAt(due));
    gate.gain.setValueAtTime(0, heardAt(due + BEEP_MS));
  }, 250);
}

/** What Jitsi Meet asks for, without the capture handle. */
const peerCapture = {
  video: { displaySurface: 'browser', frameRate: 30 },
  audio: { autoGainControl: false, channelCount: 2, echoCancellation: false, noiseSuppression: false, suppressLocalAudioPlayback: false },
  preferCurrentTab: true,
  surfaceSwitching: 'exclude',
} as DisplayMediaStreamOptions;

/** Encodes into all of the sinks until stopped. */
function encode(stream: MediaStream, timesliceMs: number, sinks: readonly ((chunk: Blob) => Promise<void>)[]): { stop(): Promise<void> } {
  const encoder = new MediaRecorder(stream, { mimeType: MIME_TYPE, videoBitsPerSecond: VIDEO_BITS_PER_SECOND });
  let queue = Promise.resolve();
  encoder.addEventListener('dataavailable', ({ data }) => {
    queue = queue.then(async () => { for (const sink of sinks) await sink(data); });
  });
  const stopped = new Promise((resolve) => encoder.addEventListener('stop', resolve, { once: true }));
  encoder.start(timesliceMs);
  return {
    stop: async () => {
      encoder.stop();
      await stopped;
      await queue;
    },
  };
}

const memory: Blob[] = [];
const toMemory = (chunk: Blob): Promise<void> => Promise.resolve(void memory.push(chunk));

async function openWritable(): Promise<FileSystemWritableFileStream> {
  const root = await navigator.storage.getDirectory();
  return await (await root.getFileHandle(WRITABLE_FILE, { create: true })).createWritable();
}

function download(file: Blob, fileName: string): void {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(file), download: fileName });
  link.click();
}

const stage = {
  beep,

  /** For Firefox: the canvas in the place of a captured tab, since its prompt cannot be accepted here, and of its mix see there. */
  async standIn(): Promise<void> {
    source = () => Promise.resolve(canvas.captureStream(30));
    await fakeMix();
  },

  async openMicrophone(): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    microphone = stream.getAudioTracks()[0] ?? null;
  },

  /** Resolves when the encoder runs. */
  async start(): Promise<RecordingInfo> {
    return await engine().start({ title: 'Bench', microphone });
  },
  /** Goes on with a recording that a reload cut off. */
  async goOn(id: string): Promise<RecordingInfo> {
    await engine().ended(id);
    return await engine().start({ title: '', microphone, continues: id });
  },
  async stop(): Promise<RecordingInfo> {
    return await engine().stop();
  },
  /** Resolves when this many ms are safe on disk. */
  untilSafe: (durationMs: number) => new Promise<void>((resolve) => {
    const stop = engine().subscribe((state) => {
      if (state.kind !== 'recording' || state.info.durationMs < durationMs) return;
      stop();
      resolve();
    });
  }),
  pause(): void { engine().pause(); },
  resume(): void { engine().resume(); },
  async list(): Promise<RecordingInfo[]> {
    return await engine().list();
  },
  /** Downloads the file as users get it. */
  async save(id: string): Promise<{ fileName: string; bytes: number }> {
    return await engine().save(id);
  },
  /** Downloads what one encoder wrote, as the journal has it. */
  async saveRaw(id: string, segment = 0): Promise<{ fileName: string; bytes: number }> {
    const parts: Blob[] = [];
    const journal = new Journal(DATABASE);
    const { segments } = await journal.get(id);
    const take = { from: segments[segment]?.firstChunk ?? 0, until: segments[segment + 1]?.firstChunk ?? Infinity };
    for await (const batch of journal.read(id, { take })) for (const { data } of batch) parts.push(new Blob([data]));
    await journal.close();
    const file = new Blob(parts, { type: MIME_TYPE });
    download(file, 'raw.webm');
    return { fileName: 'raw.webm', bytes: file.size };
  },
  /** Plays the file that was saved last to its end, then jumps to these times, s. Answers with the clock in each picture. */
  async play(times: readonly number[]): Promise<{ duration: number; end: number; clocks: (number | null)[] }> {
    const video = await openPlayer(await lastExport());
    const end = await playToEnd(video, 4);
    video.pause();
    const clocks: (number | null)[] = [];
    for (const time of times) {
      await seek(video, time);
      clocks.push(shownMark(video));
    }
    const { duration } = video;
    closePlayer(video);
    return { duration, end, clocks };
  },

  /**
   * The two ways that others go, beside ours and with the same tracks: a file by `createWritable`, and memory. One encoder
   * serves both, since a third one would only slow the machine; a second's chunks are kinder than the five of Jitsi Meet.
   */
  async startBeside(): Promise<void> {
    const file = await openWritable();
    encode(capture!.clone(), 1000, [toMemory, (chunk) => file.write(chunk)]);
  },
  /** What is in the file of the `createWritable` way, bytes; downloaded if that is anything. */
  async leftBeside(): Promise<{ fileName: string; bytes: number }> {
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(WRITABLE_FILE).then((handle) => handle.getFile(), () => null);
    if (file !== null && file.size > 0) download(file, WRITABLE_FILE);
    return { fileName: WRITABLE_FILE, bytes: file?.size ?? 0 };
  },

  /** Another way to record, alone. */
  async startPeer(kind: Peer): Promise<void> {
    const tab = await ask(peerCapture);
    const context = new AudioContext();
    const mixed = context.createMediaStreamDestination();
    context.createMediaStreamSource(new MediaStream(tab.getAudioTracks())).connect(mixed);
    const stream = new MediaStream([...mixed.stream.getAudioTracks(), ...tab.getVideoTracks()]);
    const release = (): void => {
      for (const track of tab.getTracks()) track.stop();
      void context.close();
    };
    const running = await startWay(kind, stream);
    peer = { stop: () => running.stop().finally(release) };
  },
  /** Downloads what it recorded. */
  async stopPeer(): Promise<{ fileName: string; bytes: number }> {
    await peer?.stop();
    if (memory.length === 0) return await stage.leftBeside();
    const file = new Blob(memory, { type: MIME_TYPE });
    download(file, 'memory.webm');
    return { fileName: 'memory.webm', bytes: file.size };
  },
};

async function startWay(kind: Peer, stream: MediaStream): Promise<{ stop(): Promise<void> }> {
  switch (kind) {
    case 'memory':
      return encode(stream, 1000, [toMemory]);
    case 'writable': {
      const file = await openWritable();
      const running = encode(stream, 5000, [(chunk) => file.write(chunk)]);
      return { stop: () => running.stop().then(() => file.close()) };
    }
    case 'recordrtc': {
      await new Promise<void>((resolve, reject) => {
        document.head.append(Object.assign(document.createElement('script'), { src: '/peer/RecordRTC.js', onload: () => resolve(), onerror: () => reject(new Error('no RecordRTC')) }));
      });
      const { RecordRTC } = window as unknown as { RecordRTC: RecordRTCClass };
      const running = new RecordRTC(stream, { type: 'video', mimeType: MIME_TYPE, videoBitsPerSecond: VIDEO_BITS_PER_SECOND, disableLogs: true });
      running.startRecording();
      return { stop: () => new Promise((resolve) => running.stopRecording(() => resolve(void toMemory(running.getBlob())))) };
    }
  }
}

declare global { var stage: RecorderStage }
export type RecorderStage = typeof stage;
globalThis.stage = stage;
