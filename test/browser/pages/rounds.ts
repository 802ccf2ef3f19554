// Effects that come and go, and a count of what they leave behind.
import { Effects } from '../../../effects';

/** Live things by what made them. Wrapped before anything is made; only the constructors and endings are touched. */
const tracks: WeakRef<MediaStreamTrack>[] = [];
const workers = new Set<Worker>();
const ports = new Set<MessagePort>();
const listeners = new Map<EventTarget, number>();

/* eslint-disable @typescript-eslint/unbound-method -- natives, called with the receiver they are given */
const { getUserMedia } = MediaDevices.prototype;
MediaDevices.prototype.getUserMedia = async function (constraints) {
  const stream = await getUserMedia.call(this, constraints);
  tracks.push(...stream.getTracks().map((track) => new WeakRef(track)));
  return stream;
};
const Generator = MediaStreamTrackGenerator;
Object.assign(window, {
  MediaStreamTrackGenerator: function (init: { kind: 'video' }) {
    const track = new Generator(init);
    tracks.push(new WeakRef(track));
    return track;
  },
  Worker: class extends Worker {
    constructor(...values: ConstructorParameters<typeof Worker>) {
      super(...values);
      workers.add(this);
    }

    override terminate(): void {
      workers.delete(this);
      super.terminate();
    }

    override postMessage(message: unknown, transfer: Transferable[] | StructuredSerializeOptions = []): void {
      for (const each of Array.isArray(transfer) ? transfer : []) if (each instanceof MessagePort) ports.delete(each);
      super.postMessage(message, transfer as Transferable[]);
    }
  },
  MessageChannel: class extends MessageChannel {
    constructor() {
      super();
      ports.add(this.port1).add(this.port2);
    }
  },
});
const { addEventListener, removeEventListener } = EventTarget.prototype;
/* eslint-enable @typescript-eslint/unbound-method */
const count = (target: EventTarget, by: number): void => void listeners.set(target, (listeners.get(target) ?? 0) + by);
/** Listeners on what outlives a camera: the others go with their targets. */
const outlives = (target: EventTarget): boolean => target === window || target === document || target === navigator.mediaDevices || target instanceof Worker;
EventTarget.prototype.addEventListener = function (...values: Parameters<EventTarget['addEventListener']>) {
  const [, , options] = values;
  if (outlives(this)) {
    count(this, 1);
    if (typeof options === 'object') options.signal?.addEventListener('abort', () => count(this, -1));
  }
  addEventListener.apply(this, values);
};
EventTarget.prototype.removeEventListener = function (...values: Parameters<EventTarget['removeEventListener']>) {
  if (outlives(this)) count(this, -1);
  removeEventListener.apply(this, values);
};

const cover = { title: 'Camera is getting ready', detail: 'Your picture appears in a moment' };
const effects = new Effects();

const rounds = {
  /** Start, switch three times, stop: `times` over, with a video element that shows each. */
  async run(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const camera = (await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } })).getVideoTracks()[0]!;
      let heard: (kind: string) => void = () => undefined;
      const until = (wanted: string): Promise<void> => new Promise((resolve) => { heard = (kind) => { if (kind === wanted) resolve(); }; });
      const running = until('running');
      const effect = effects.process(camera, { spec: { kind: 'blur', strength: 0.8 }, cover, onState: ({ kind }) => heard(kind) });
      await running;
      effect.update({ kind: 'colour', colour: '#2f6f5e' });
      const passing = until('passing');
      effect.update({ kind: 'none' });
      await passing;
      const again = until('running');
      effect.update({ kind: 'blur', strength: 0.3 });
      await again;
      const clone = effect.track.clone();
      const ended = until('ended');
      effect.track.stop();
      clone.stop();
      await ended;
    }
  },
  /** Cameras that pass as they are, of a device that is in use beside, and are stopped at any moment, also while the page is busy. */
  async pass(times: number): Promise<void> {
    const open = async (): Promise<MediaStreamTrack> => (await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } })).getVideoTracks()[0]!;
    const beside = await open();
    const video = Object.assign(document.createElement('video'), { muted: true });
    for (let i = 0; i < times; i++) {
      const camera = await open();
      const { track } = effects.process(camera, { spec: { kind: 'none' }, cover });
      video.srcObject = new MediaStream([track]);
      const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
      await video.play();
      await shown;
      for (const until = performance.now() + ((i * 13) % 66); performance.now() < until;) if (i % 2 === 0) await new Promise(requestAnimationFrame);
      track.stop();
      while (camera.readyState === 'live') await new Promise(requestAnimationFrame);
    }
    video.srcObject = null;
    beside.stop();
  },
  alive: () => ({
    tracks: tracks.filter((each) => each.deref()?.readyState === 'live').length,
    workers: workers.size,
    ports: ports.size,
    listeners: [...listeners.values()].reduce((sum, each) => sum + each, 0),
  }),
};

export type Rounds = typeof rounds;
Object.assign(window, { rounds });
