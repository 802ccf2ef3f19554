import type { EffectSpec, EffectTrack } from '../../../effects';
import { Effects } from '../../../effects';

/** What the effects tests drive from outside: a camera, an output, and what left it. */
const effects = new Effects();
let current: EffectTrack | undefined;
const states: string[] = [];

const page = {
  supported: Effects.supported,
  states,
  async open(spec: EffectSpec, camera?: MediaStreamTrack): Promise<void> {
    const track = camera ?? (await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } })).getVideoTracks()[0];
    if (!track) throw new Error('no camera');
    current = effects.process(track, { spec, cover: { title: 'Camera is getting ready', detail: 'Your picture appears in a moment' }, onState: (state) => states.push(state.kind === 'failed' ? `failed:${state.failure.code}:${state.failure.detail}` : state.kind) });
    const video = document.createElement('video');
    video.id = 'output';
    video.muted = true;
    video.srcObject = new MediaStream([current.track]);
    document.body.append(video);
    await video.play();
  },
  update(spec: EffectSpec): void {
    current?.update(spec);
  },
  get track(): MediaStreamTrack | undefined {
    return current?.track;
  },
};

export type EffectsPage = typeof page;
Object.assign(window, { page });
