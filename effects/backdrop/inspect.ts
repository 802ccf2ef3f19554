import type { EffectFailure } from '../spec';
import { EffectError, toFailure } from '../spec';
import type { FromInspect } from './inspect.worker';

/**
 * Looks whether a clip can stand behind somebody, in a worker of its own, from its first to its last picture.
 *
 * @returns its first picture, as a JPEG
 * @throws EffectError `picture-unavailable` for what is no such clip, damaged or too large; `video-unsupported` where this
 * browser does not decode it; `worker-unavailable`
 */
export const inspectVideo = async (file: Blob): Promise<Blob> => {
  const worker = new Worker(/* webpackChunkName: "effects-inspect" */ new URL('./inspect.worker.ts', import.meta.url));
  try {
    return await new Promise<Blob>((resolve, reject) => {
      const refuse = (failure: EffectFailure): void => reject(new EffectError(failure.code, failure.detail));
      worker.onmessage = ({ data }: MessageEvent<FromInspect>) => {
        if ('poster' in data) resolve(data.poster);
        else refuse(data.failure);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        refuse(toFailure('worker-unavailable', event.message || 'the worker script could not be loaded'));
      };
      worker.postMessage(file);
    });
  } finally {
    worker.terminate();
  }
};
