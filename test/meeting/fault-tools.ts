/** What is put before a page's or a worker's own scripts so that faults can be brought in from outside. Self-contained functions: their text is sent. */

interface Cameras {
  /** The newest camera ends, as when its plug is pulled. */
  unplug(): void;
  resize(width: number, height: number): Promise<void>;
  /** Whether the operating system blurs; only where the page was started with such a system. */
  systemBlur(on: boolean): void;
}

interface InferenceFault {
  /** Begins to measure which call costs most. */
  measure(): void;
  /** The costliest call since {@link measure} does this from now on; `throw once` and `hang` (10 s) only once. */
  set(kind: 'throw once' | 'throw' | 'hang'): void;
  pending(): boolean;
}

declare global {
  interface Window {
    greenroomCameras?: Cameras;
    greenroomNotices?: string[];
    greenroomFault?: InferenceFault;
  }
}

/**
 * Holds on to the cameras that getUserMedia gives, below the plugin's gate.
 *
 * With `blurring`, an operating system that can blur stands between: no device here can, and no frame can be made that
 * says so. While it blurs, frames are smeared beyond recognition; each frame says which it is by its timestamp's last
 * microsecond, and the frames' metadata are read from that.
 */
export function cameraTools(blurring: boolean): void {
  const cameras: { raw: MediaStreamTrack; given: MediaStreamTrack }[] = [];
  let blurred = false;

  const behindSystem = (raw: MediaStreamTrack): MediaStreamTrack => {
    const small = new OffscreenCanvas(8, 5);
    const large = new OffscreenCanvas(640, 360);
    const sink = new MediaStreamTrackGenerator({ kind: 'video' });
    const blur = new TransformStream<VideoFrame, VideoFrame>({
      transform(frame, controller) {
        const timestamp = frame.timestamp - (frame.timestamp % 2) + (blurred ? 1 : 0);
        if (blurred) {
          small.getContext('2d')?.drawImage(frame, 0, 0, small.width, small.height);
          large.getContext('2d')?.drawImage(small, 0, 0, large.width, large.height);
          controller.enqueue(new VideoFrame(large, { timestamp, alpha: 'discard' }));
        } else controller.enqueue(new VideoFrame(frame, { timestamp }));
        frame.close();
      },
    });
    void new MediaStreamTrackProcessor({ track: raw as MediaStreamVideoTrack }).readable.pipeThrough(blur).pipeTo(sink.writable).catch(() => undefined);
    const stop = sink.stop.bind(sink);
    return Object.assign(sink as MediaStreamTrack, {
      getSettings: () => ({ ...raw.getSettings(), backgroundBlur: blurred }),
      getCapabilities: () => ({ ...raw.getCapabilities(), backgroundBlur: [true, false] }),
      stop: () => {
        stop();
        raw.stop();
      },
    });
  };

  const devices = MediaDevices.prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
  const native = devices.getUserMedia;
  devices.getUserMedia = async function (constraints) {
    const stream = await native.call(this, constraints);
    const given = stream.getVideoTracks().map((raw) => {
      const camera = { raw, given: blurring ? behindSystem(raw) : raw };
      cameras.push(camera);
      return camera.given;
    });
    return blurring ? new MediaStream([...stream.getAudioTracks(), ...given]) : stream;
  };
  if (blurring) Object.assign(VideoFrame.prototype, { metadata(this: VideoFrame) { return { backgroundBlur: { enabled: this.timestamp % 2 === 1 } }; } });

  window.greenroomCameras = {
    unplug() {
      for (const { raw } of cameras.slice(-1)) {
        raw.stop();
        raw.dispatchEvent(new Event('ended')); // stop() itself says nothing
      }
    },
    async resize(width, height) {
      await cameras.at(-1)?.raw.applyConstraints({ width, height });
    },
    systemBlur(on) {
      blurred = on;
      cameras.at(-1)?.given.dispatchEvent(new Event('configurationchange'));
    },
  };
}

/** Lets the calls into WebAssembly of a worker throw or hang, whatever engine it is. */
export function workerTools(blurring: boolean): void {
  let costs = new Map<string, number>();
  let target: string | undefined;
  let harm: 'throw once' | 'throw' | 'hang' | undefined;
  let depth = 0;

  const call = (name: string, original: (...values: unknown[]) => unknown, values: unknown[]): unknown => {
    if (harm !== undefined && name === target) {
      const kind = harm;
      if (kind !== 'throw') harm = undefined;
      if (kind !== 'hang') throw new Error('thrown on purpose');
      for (const until = Date.now() + 10_000; Date.now() < until;);
    }
    if (depth > 0) return original(...values);
    const start = performance.now();
    depth++;
    try {
      return original(...values);
    } finally {
      depth--;
      costs.set(name, (costs.get(name) ?? 0) + performance.now() - start);
    }
  };
  const Original = WebAssembly.Instance;
  const watched = (instance: WebAssembly.Instance): WebAssembly.Instance => {
    const exports = Object.fromEntries(Object.entries(instance.exports).map(([name, value]) => [
      name,
      typeof value === 'function' ? (...values: unknown[]) => call(name, value as (...values: unknown[]) => unknown, values) : value,
    ]));
    return Object.create(Original.prototype, { exports: { value: exports } }) as WebAssembly.Instance;
  };
  const { instantiate, instantiateStreaming } = WebAssembly;
  const Watched = function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    return watched(new Original(module, imports));
  };
  Watched.prototype = Original.prototype;
  Object.assign(WebAssembly, {
    Instance: Watched,
    instantiate: async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
      const made = (await instantiate(source as BufferSource, imports)) as WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;
      return 'module' in made ? { module: made.module, instance: watched(made.instance) } : watched(made);
    },
    instantiateStreaming: async (source: Response | PromiseLike<Response>, imports?: WebAssembly.Imports) => {
      const { module, instance } = await instantiateStreaming(source, imports);
      return { module, instance: watched(instance) };
    },
  });
  if (blurring) Object.assign(VideoFrame.prototype, { metadata(this: VideoFrame) { return { backgroundBlur: { enabled: this.timestamp % 2 === 1 } }; } });

  self.greenroomFault = {
    measure() {
      costs = new Map();
    },
    set(kind) {
      [target] = [...costs].sort(([, a], [, b]) => b - a)[0] ?? [];
      if (target === undefined) throw new Error('no call into WebAssembly was seen');
      harm = kind;
    },
    pending: () => harm !== undefined,
  };
}
