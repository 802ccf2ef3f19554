// One contestant per page: a camera, its treatment, and a video element that shows the result.
import { Effects } from '../../../effects';
import { bundledAssets } from '../../../effects/segmenter/assets';

export type Contestant = 'bare' | 'floor' | 'ours' | 'v1' | 'v2';

interface PeerEffect {
  startEffect(stream: MediaStream): MediaStream;
}
type CreatePeer = (background: object) => Promise<PeerEffect>;

let presented = 0;

const treat = async (contestant: Contestant, camera: MediaStreamTrack): Promise<MediaStreamTrack> => {
  switch (contestant) {
    case 'bare':
      return camera;
    case 'floor': {
      const worker = new Worker(/* webpackChunkName: "floor-worker" */ new URL('../../bench/floor.worker.ts', import.meta.url));
      const { readable } = new MediaStreamTrackProcessor({ track: camera.clone() as MediaStreamVideoTrack, maxBufferSize: 1 });
      worker.postMessage({ readable, assets: bundledAssets() }, [readable]);
      return camera;
    }
    case 'ours':
      return new Promise((resolve) => {
        const { track } = new Effects().process(camera, {
          spec: { kind: 'blur', strength: 0.8 },
          cover: { title: '', detail: '' },
          onState: (state) => {
            if (state.kind === 'running') resolve(track);
          },
        });
      });
    case 'v1':
    case 'v2': {
      // Without a GPU, software WebGL makes the engine collapse: it gets the machine it would choose its canvas for.
      // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
      const native = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...rest: unknown[]) {
        return kind.startsWith('webgl') ? null : (native as (...all: unknown[]) => unknown).call(this, kind, ...rest);
      } as typeof native;
      Object.assign(window, { APP: { store: { getState: () => ({ 'features/base/config': { virtualBackground: { enableV2: contestant === 'v2' } } }) } } });
      await new Promise<void>((resolve, reject) => {
        const script = Object.assign(document.createElement('script'), { src: '/peer/peer.js', onload: () => resolve(), onerror: () => reject(new Error('no peer')) });
        document.head.append(script);
      });
      const { createVirtualBackgroundEffect } = window as unknown as { createVirtualBackgroundEffect: CreatePeer };
      const effect = await createVirtualBackgroundEffect({ backgroundType: 'blur', blurValue: 25, backgroundEffectEnabled: true });
      return effect.startEffect(new MediaStream([camera])).getVideoTracks()[0]!;
    }
  }
};

const bench = {
  async start(contestant: Contestant, width: number, height: number): Promise<void> {
    const camera = (await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } })).getVideoTracks()[0]!;
    const output = await treat(contestant, camera);
    const video = document.createElement('video');
    Object.assign(video, { muted: true, width: 640, height: 360, srcObject: new MediaStream([output]) });
    document.body.append(video);
    await video.play();
    const count: VideoFrameRequestCallback = (_, metadata) => {
      presented = metadata.presentedFrames;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
  },
  presented: () => presented,
};

export type Bench = typeof bench;
Object.assign(window, { bench });
