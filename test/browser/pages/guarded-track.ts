// A camera and the track that is handed out in its place, side by side. Every method answers with plain data.
import { Effects } from '../../../effects';
import { decodeMark } from '../../tools/marks';

const cover = { title: 'Camera is getting ready', detail: 'Your picture appears in a moment' };
const effects = new Effects();
let camera: MediaStreamTrack;
let guarded: MediaStreamTrack;
const running: (() => void)[] = [];

/** Attributes that tell who a track is, or are listeners: not to be equal. */
const OWN = /^(id|on.*)$/;

/** Every attribute and every answer that the interface has on this browser, so that new ones are compared as well. */
const ask = (track: MediaStreamTrack): Record<string, unknown> => {
  const answers: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(MediaStreamTrack.prototype))) {
    const attribute = 'get' in member;
    if (attribute && !OWN.test(name) && name !== 'stats') answers[name] = Reflect.get(track, name);
    else if (/^get(Settings|Constraints|Capabilities)$/.test(name)) answers[name] = (Reflect.get(track, name) as () => unknown).call(track);
  }
  return JSON.parse(JSON.stringify(answers)) as Record<string, unknown>;
};

/** Whether a frame shows the room: by the mark, read from luma. */
const isRaw = async (frame: VideoFrame): Promise<boolean> => {
  const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
  const rgba = new Uint8Array(width * height * 4);
  await frame.copyTo(rgba, { format: 'RGBA' });
  frame.close();
  return decodeMark(Uint8Array.from({ length: width * height }, (_, i) => rgba[4 * i + 1]!), width, height, width) !== null;
};

const readFrames = async (track: MediaStreamTrack, count: number): Promise<{ raw: number; widths: number[] }> => {
  const reader = new MediaStreamTrackProcessor({ track: track as MediaStreamVideoTrack }).readable.getReader();
  const widths = new Set<number>();
  let raw = 0;
  for (let i = 0; i < count; i++) {
    const { value, done } = await reader.read();
    if (done) break;
    widths.add(value.displayWidth);
    if (await isRaw(value)) raw++;
  }
  await reader.cancel();
  return { raw, widths: [...widths] };
};

const nameOf = (error: unknown): string => (error as Error).name;

const tracks = {
  async open(): Promise<void> {
    camera = (await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } })).getVideoTracks()[0]!;
    guarded = effects.process(camera, {
      spec: { kind: 'blur', strength: 0.8 },
      cover,
      onState: ({ kind }) => {
        if (kind === 'running') for (const each of running.splice(0)) each();
      },
    }).track;
    await new Promise<void>((resolve) => running.push(resolve));
  },
  members: () => ({ camera: ask(camera), guarded: ask(guarded), clone: ask(guarded.clone()), again: ask(guarded.clone().clone()) }),
  identity: () => {
    const before = guarded.id;
    const clone = guarded.clone();
    return { isTrack: guarded instanceof MediaStreamTrack && clone instanceof MediaStreamTrack, stable: guarded.id === before, own: new Set([camera.id, guarded.id, clone.id]).size };
  },
  /** Frames that show the room, by every way to a track's frames that this browser has. */
  async raw() {
    const capture = async (track: MediaStreamTrack): Promise<{ grabbed: boolean; photo: boolean | string }> => {
      const images = new ImageCapture(track);
      const grabbed = await images.grabFrame().then((bitmap) => isRaw(new VideoFrame(bitmap, { timestamp: 0 })));
      const photo = await images.takePhoto().then(async (blob) => isRaw(new VideoFrame(await createImageBitmap(blob), { timestamp: 0 })), nameOf);
      return { grabbed, photo };
    };
    return {
      camera: { frames: (await readFrames(camera, 5)).raw, ...(await capture(camera)) },
      guarded: { frames: (await readFrames(guarded, 10)).raw, ...(await capture(guarded)) },
      clone: { frames: (await readFrames(guarded.clone(), 10)).raw, ...(await capture(guarded.clone())) },
      ofStream: { frames: (await readFrames(new MediaStream([guarded]).clone().getVideoTracks()[0]!, 10)).raw },
    };
  },
  /** Asks for another size through the guarded track and tells what each says of it, and what its frames then have. */
  async resize() {
    const outcomes = { impossible: [] as string[] };
    for (const track of [camera, guarded]) outcomes.impossible.push(await track.applyConstraints({ width: { exact: 99_999 } }).then(() => 'done', nameOf));
    await guarded.clone().applyConstraints({ width: 320, height: 180 });
    const said = [camera, guarded].map((track) => [track.getSettings().width, track.getSettings().height, track.getConstraints().width]);
    let widths: number[] = [];
    while (!widths.includes(320)) ({ widths } = await readFrames(guarded, 1));
    return { ...outcomes, said };
  },
  /** Which events of the camera the guarded track and its clone repeat, with `muted` at that moment. */
  events(): string[] {
    const clone = guarded.clone();
    const heard: string[] = [];
    for (const [name, track] of [['guarded', guarded], ['clone', clone]] as const) {
      for (const type of ['mute', 'unmute', 'configurationchange', 'ended']) track.addEventListener(type, () => heard.push(`${name} ${type} ${track.muted} ${track.readyState}`));
    }
    // What a switch on the camera's case does, as far as a page can.
    for (const [type, muted] of [['mute', true], ['unmute', false]] as const) {
      Object.defineProperty(camera, 'muted', { value: muted, configurable: true });
      camera.dispatchEvent(new Event(type));
    }
    camera.dispatchEvent(new Event('configurationchange'));
    camera.stop();
    camera.dispatchEvent(new Event('ended'));
    return heard;
  },
  /** Enabled and content hint belong to each handle alone, as with a camera's clones. */
  async own(): Promise<string[]> {
    const clone = guarded.clone();
    guarded.enabled = false;
    guarded.contentHint = 'motion';
    const black = await readFrames(guarded, 3);
    return [`${clone.enabled} ${clone.contentHint}`, `${guarded.enabled} ${guarded.contentHint} ${guarded.clone().enabled} ${guarded.clone().contentHint}`, `${camera.enabled} ${black.raw}`];
  },
  /** Stops one handle after the other. Nobody is told of a stop that they asked for. */
  async stop(): Promise<string[]> {
    const heard: string[] = [];
    guarded.addEventListener('ended', () => heard.push('ended'));
    const clone = guarded.clone();
    guarded.stop();
    const first = camera.readyState;
    const { raw } = await readFrames(clone, 5);
    clone.stop();
    return [guarded.readyState, first, `${raw} raw`, clone.readyState, camera.readyState, ...heard];
  },
  /** Stops the guarded track behind its own stop(). Resolves once the camera is off. */
  async stopNatively(): Promise<string> {
    MediaStreamTrack.prototype.stop.call(guarded);
    while (camera.readyState === 'live') await new Promise(requestAnimationFrame);
    return camera.readyState;
  },
};

export type Tracks = typeof tracks;
Object.assign(window, { tracks });
