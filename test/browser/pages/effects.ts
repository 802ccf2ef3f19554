// A camera, an output, and what left it. Every method answers with plain data, as it is called from outside.
import type { EffectSpec, EffectState, EffectTrack, MaskRate } from '../../../effects';
import { EffectError, Effects, inspectVideo } from '../../../effects';
import { decodeMark } from '../../tools/marks';

const cover = { title: 'Camera is getting ready', detail: 'Your picture appears in a moment' };

let effects = new Effects();
let camera: MediaStreamTrack | undefined;
let current: EffectTrack | undefined;
const states: string[] = [];
const watchers = new Set<() => void>();
const frames = { total: 0, marked: 0, sizes: [] as string[] };
/** Of every frame of the output: its timestamp in microseconds, and whether it carried the mark. */
const seen: [number, boolean][] = [];
/** And its upper left corner: red, green and blue. */
const corners: [number, number, number][] = [];
/** The output's newest frame. */
let latest = { rgba: new Uint8Array(), width: 0, height: 0, format: '' };

const name = (state: EffectState): string => (state.kind === 'failed' ? `failed ${state.failure.code}` : state.kind);

/** Reads every frame of the output: Chromium only. */
const watch = async (track: MediaStreamTrack): Promise<void> => {
  const reader = new MediaStreamTrackProcessor({ track: track as MediaStreamVideoTrack }).readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const frame = next.value;
    const { timestamp } = frame;
    const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
    const rgba = new Uint8Array(width * height * 4);
    await frame.copyTo(rgba, { format: 'RGBA' });
    latest = { rgba, width, height, format: frame.format ?? '' };
    const corner = 4 * (4 * width + 4);
    corners.push([rgba[corner]!, rgba[corner + 1]!, rgba[corner + 2]!]);
    frame.close();
    const luma = new Uint8Array(width * height);
    for (let i = 0; i < luma.length; i++) luma[i] = (rgba[4 * i]! * 66 + rgba[4 * i + 1]! * 129 + rgba[4 * i + 2]! * 25 + 4224) >> 8;
    frames.total++;
    const marked = decodeMark(luma, width, height, width) !== null;
    seen.push([timestamp, marked]);
    if (marked) frames.marked++;
    const size = `${width}x${height}`;
    if (frames.sizes.at(-1) !== size) frames.sizes.push(size);
    for (const check of [...watchers]) check();
  }
};

const until = (done: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!done()) return;
      watchers.delete(check);
      resolve();
    };
    watchers.add(check);
    check();
  });

/** A camera for browsers whose fake one shows no person: a clip, played and captured. Stands in for a device only. */
const clipCamera = async (url: string): Promise<MediaStreamTrack> => {
  const video = document.createElement('video');
  video.src = url;
  video.loop = true;
  video.muted = true;
  await video.play();
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d')!;
  const draw = (): void => {
    context.drawImage(video, 0, 0);
    requestAnimationFrame(draw);
  };
  draw();
  return canvas.captureStream(30).getVideoTracks()[0]!;
};

const lab = {
  states: () => states,
  frames: () => frames,
  async open(spec: EffectSpec, options: { clip?: string; allowRaw?: boolean; trustSystemBlur?: boolean; maskRate?: MaskRate } = {}): Promise<void> {
    camera = options.clip === undefined ? (await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } })).getVideoTracks()[0]! : await clipCamera(options.clip);
    current = effects.process(camera, {
      spec,
      cover,
      maskRate: options.maskRate ?? 'every-frame', // the machine may be busy with other things, and sizes are compared
      ...(options.trustSystemBlur === undefined ? {} : { trustSystemBlur: options.trustSystemBlur }),
      ...(options.allowRaw === undefined ? {} : { allowRaw: options.allowRaw }),
      onState: (state) => {
        states.push(name(state));
        for (const check of [...watchers]) check();
      },
    });
    if ('MediaStreamTrackProcessor' in window) void watch(current.track);
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([current.track]);
    document.body.append(video);
    await video.play();
  },
  update: (spec: EffectSpec) => current!.update(spec),
  /** Resolves when the newest state is `kind`. */
  state: (kind: string) => until(() => states.at(-1) === kind),
  /** Resolves when `count` more frames have left. */
  more(count: number): Promise<void> {
    const goal = frames.total + count;
    return until(() => frames.total >= goal);
  },
  /** Red, green and blue of every pixel of the newest frame, row by row. Chromium only. */
  pixels: () => Array.from({ length: 3 * latest.width * latest.height }, (_, i) => latest.rgba[4 * Math.floor(i / 3) + (i % 3)]!),
  /** Resolves with the first frame whose upper left corner has about this colour. Chromium only. */
  corner: (colour: readonly number[]) =>
    until(() => latest.width > 0 && colour.every((value, i) => Math.abs(latest.rgba[4 * (4 * latest.width + 4) + i]! - value) < 10)),
  /** Resolves when a frame of this size, "640x360", has left. Chromium only. */
  size: (wanted: string) => until(() => frames.sizes.at(-1) === wanted),
  /** Resolves when a frame of this format has left. Chromium only. */
  format: (wanted: string) => until(() => latest.format === wanted),
  /** Alpha of every pixel of the newest frame, row by row. Chromium only. */
  alpha: () => Array.from({ length: latest.width * latest.height }, (_, i) => latest.rgba[4 * i + 3]!),
  seen: () => seen,
  corners: () => corners,
  /** Size and middle pixel of a clip's first picture, or the code of why there is none. */
  async inspect(url: string, bytes = Infinity): Promise<number[] | string> {
    try {
      const bitmap = await createImageBitmap(await inspectVideo((await (await fetch(url)).blob()).slice(0, bytes)));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      return [bitmap.width, bitmap.height, ...context.getImageData(bitmap.width >> 1, bitmap.height >> 1, 1, 1).data];
    } catch (error) {
      return error instanceof EffectError ? error.failure.code : String(error);
    }
  },
  /** Lets the camera's settings say that the system blurs, which no device here does. */
  systemBlur(on: boolean): void {
    const settings = camera!.getSettings();
    camera!.getSettings = () => ({ ...settings, backgroundBlur: on });
    camera!.dispatchEvent(new Event('configurationchange'));
  },
  track: () => ({ id: current!.track.id, readyState: current!.track.readyState, muted: current!.track.muted }),
  stop: () => current!.track.stop(),
  dispose(): void {
    effects.dispose();
    effects = new Effects();
  },
  /** Resolves when the output's video element has presented `count` more pictures. */
  presented(count: number): Promise<void> {
    const video = document.querySelector('video')!;
    return new Promise((resolve) => {
      const next = (): void => {
        if (count-- > 0) video.requestVideoFrameCallback(next);
        else resolve();
      };
      next();
    });
  },
  /** Luma of the output's present picture, 640x360, as a video element shows it. */
  picture(): number[] {
    const video = document.querySelector('video')!;
    const canvas = new OffscreenCanvas(640, 360);
    const context = canvas.getContext('2d')!;
    context.drawImage(video, 0, 0, 640, 360);
    const { data } = context.getImageData(0, 0, 640, 360);
    return Array.from({ length: 640 * 360 }, (_, i) => (data[4 * i]! * 66 + data[4 * i + 1]! * 129 + data[4 * i + 2]! * 25 + 4224) >> 8);
  },
  /** What an application asks of a camera track, answered by the camera and by the output. */
  compare() {
    const output = current!.track;
    const ask = (track: MediaStreamTrack) => ({
      kind: track.kind,
      label: track.label,
      enabled: track.enabled,
      readyState: track.readyState,
      settings: track.getSettings(),
      constraints: track.getConstraints(),
      capabilities: track.getCapabilities(),
    });
    return { camera: ask(camera!), output: ask(output), clone: ask(output.clone()) };
  },
  async constrain(width: number): Promise<number | undefined> {
    await current!.track.applyConstraints({ width });
    return camera!.getSettings().width;
  },
  /** Stops a clone first, then the track, and tells after each whether the camera is still on. */
  release(): string[] {
    const clone = current!.track.clone();
    clone.stop();
    const first = camera!.readyState;
    current!.track.stop();
    return [first, camera!.readyState, clone.readyState, current!.track.readyState];
  },
  /** Unplugs the camera, as far as a page can: the track ends and says so. Resolves with the output's state at its own `ended`. */
  unplug(): Promise<string> {
    const ended = new Promise<string>((resolve) => current!.track.addEventListener('ended', () => resolve(current!.track.readyState)));
    camera!.stop();
    camera!.dispatchEvent(new Event('ended'));
    return ended;
  },
  refused(): string {
    const stopped = new MediaStream([camera!]).getVideoTracks()[0]!;
    const processor = window.MediaStreamTrackProcessor;
    // No browser at hand lacks the constructor's means and has the rest: this one throws in its place.
    Object.assign(window, { MediaStreamTrackProcessor: function Broken() { throw new Error('broken on purpose'); } });
    try {
      effects.process(stopped, { spec: { kind: 'blur', strength: 1 }, cover });
      return 'accepted';
    } catch (error) {
      return error instanceof EffectError ? error.failure.code : String(error);
    } finally {
      Object.assign(window, { MediaStreamTrackProcessor: processor });
    }
  },
};

export type EffectsLab = typeof lab;
Object.assign(window, { lab });
