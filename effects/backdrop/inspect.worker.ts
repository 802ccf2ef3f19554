import type { EffectFailure } from '../spec';
import { EffectError, toFailure } from '../spec';
import { readClip } from './clip';

/** What the page hears; it sends the file. */
export type FromInspect = { readonly poster: Blob } | { readonly failure: EffectFailure };

/** The part of DedicatedWorkerGlobalScope used here; the DOM and worker type libraries exclude each other. */
interface WorkerScope {
  postMessage(message: FromInspect): void;
  onmessage: ((event: MessageEvent<Blob>) => void) | null;
}
const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data: file }) => {
  inspect(file).then(
    (poster) => scope.postMessage({ poster }),
    (error: unknown) => scope.postMessage({ failure: error instanceof EffectError ? error.failure : toFailure('picture-unavailable', error) }),
  );
};

/** Decodes all of it, since a damaged clip must not be found out in a meeting. Resolves with the first picture, upright. */
const inspect = async (file: Blob): Promise<Blob> => {
  const { config, packets, rotation } = await readClip(file);
  let poster: OffscreenCanvas | undefined;
  let failure: unknown;
  const decoder = new VideoDecoder({
    output: (frame) => {
      poster ??= draw(frame, rotation);
      frame.close();
    },
    error: (error) => {
      failure = error;
    },
  });
  decoder.configure(config);
  for (const packet of packets) decoder.decode(new EncodedVideoChunk(packet));
  await decoder.flush().catch((error: unknown) => {
    failure ??= error;
  });
  if (failure !== undefined) throw new EffectError('picture-unavailable', failure);
  if (!poster) throw new EffectError('picture-unavailable', 'there is no picture in the file');
  return poster.convertToBlob({ type: 'image/jpeg', quality: 0.88 });
};

const draw = (frame: VideoFrame, rotation: number): OffscreenCanvas => {
  const { displayWidth: width, displayHeight: height } = frame;
  const canvas = rotation % 180 === 0 ? new OffscreenCanvas(width, height) : new OffscreenCanvas(height, width);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('no 2D canvas');
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((rotation * Math.PI) / 180);
  context.drawImage(frame, -width / 2, -height / 2);
  return canvas;
};
