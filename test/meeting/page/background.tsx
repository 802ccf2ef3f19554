import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { JitsiLocalTrack } from './lib';
import type { Page } from './view';

/** `features/virtual-background`, as in the real app. */
export interface VirtualBackground {
  readonly backgroundEffectEnabled?: boolean;
  readonly backgroundType?: string;
  readonly blurValue?: number;
  readonly virtualSource?: string;
  readonly selectedThumbnail?: string;
}

/**
 * The app's own effect, as a plugin finds it: options, methods and their order are those of the real one. It stands in for
 * an engine: what it puts out is the picture it gets, in a red frame.
 */
export class JitsiStreamBackgroundEffect {
  readonly _options: { readonly virtualBackground: VirtualBackground };
  #video: HTMLVideoElement | undefined;

  constructor(virtualBackground: VirtualBackground) {
    this._options = { virtualBackground };
  }

  isEnabled(track: JitsiLocalTrack): boolean {
    return track.getType() === 'video' && track.videoType === 'camera';
  }

  startEffect(stream: MediaStream): MediaStream {
    const { width = 640, height = 360 } = stream.getVideoTracks()[0]?.getSettings() ?? {};
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    const video = document.createElement('video');
    this.#video = video;
    Object.assign(video, { muted: true, srcObject: stream });
    void video.play();
    const draw = (): void => {
      if (this.#video !== video) return;
      context?.drawImage(video, 0, 0, width, height);
      if (context) Object.assign(context, { strokeStyle: '#f00', lineWidth: 8 }).strokeRect(0, 0, width, height);
      video.requestVideoFrameCallback(draw);
    };
    video.requestVideoFrameCallback(draw);
    return canvas.captureStream(30);
  }

  stopEffect(): void {
    this.#video = undefined;
  }
}

/** The order of the real app's `toggleBackgroundEffect`: first the store, then the track. */
async function toggleBackgroundEffect({ store }: Page, options: VirtualBackground, track: JitsiLocalTrack | undefined): Promise<void> {
  store.dispatch({ type: 'BACKGROUND_ENABLED', backgroundEffectEnabled: options.backgroundEffectEnabled });
  store.dispatch({ ...options, type: 'SET_VIRTUAL_BACKGROUND' });
  const chosen = store.getState()['features/virtual-background'];
  await track?.setEffect(options.backgroundEffectEnabled === true ? new JitsiStreamBackgroundEffect(chosen) : undefined);
}

/** Offers none, two blurs, a picture by its address and one as if it had been uploaded. */
export function BackgroundDialog({ page, onClose }: { page: Page; onClose: () => void }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const [preview, setPreview] = useState<JitsiLocalTrack | undefined>(undefined);
  const [chosen, setChosen] = useState(page.store.getState()['features/virtual-background']);
  useEffect(() => {
    const created = page.conference.createPreview();
    void created.then((track) => {
      if (track && video.current) track.attach(video.current);
      setPreview(track);
    });
    return () => void created.then((track) => track?.dispose());
  }, [page]);

  const image = (name: string, virtualSource: string): [string, VirtualBackground] => [name, { backgroundEffectEnabled: true, backgroundType: 'image', virtualSource, selectedThumbnail: name }];
  const blur = (name: string, blurValue: number): [string, VirtualBackground] => [name, { backgroundEffectEnabled: true, backgroundType: 'blur', blurValue, selectedThumbnail: name }];
  const options: [string, VirtualBackground][] = [
    ['none', { backgroundEffectEnabled: false, selectedThumbnail: 'none' }],
    blur('slight-blur', 8),
    blur('blur', 25),
    image('address', 'static/greenroom/dark.png'),
    image('upload', uploaded()),
  ];
  return (
    <div class="background-dialog" role="dialog" aria-label="Virtual backgrounds">
      <video ref={video} autoplay playsInline muted />
      <div class="background-options">
        {options.map(([name, option]) => (
          <button
            key={name} type="button" id={`background-${name}`} disabled={!preview} aria-pressed={(chosen.selectedThumbnail ?? 'none') === name}
            onClick={() => {
              setChosen(option);
              void toggleBackgroundEffect(page, option, preview);
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="background-options">
        <button
          type="button" id="background-apply" class="primary"
          onClick={() => void toggleBackgroundEffect(page, chosen, page.conference.camera).then(onClose)}
        >
          Apply
        </button>
        <button type="button" onClick={onClose}>Cancel</button>
      </div>
    </div>
  );
}

/** A light picture, as the app keeps one that somebody uploaded. */
function uploaded(): string {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = canvas.getContext('2d');
  if (context) Object.assign(context, { fillStyle: '#eee' }).fillRect(0, 0, 64, 36);
  return canvas.toDataURL();
}
