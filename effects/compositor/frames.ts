import type { PlanarCompositor } from './planar';

/**
 * Copies a frame of any format into the compositor's planes, resizing it when the frame's size is new.
 *
 * @param frame stays the caller's, who closes it
 */
export const readFrame = async (frame: VideoFrame, compositor: PlanarCompositor): Promise<void> => {
  const { width, height } = visibleSize(frame);
  compositor.resize(width, height);
  const [y, u, v] = compositor.layout('memory');
  switch (frame.format) {
    case 'I420':
      await frame.copyTo(compositor.memory, { layout: [y, u, v] });
      compositor.begin();
      break;
    case 'I420A': {
      const alpha = { offset: compositor.stage(y.stride * height), stride: y.stride };
      await frame.copyTo(compositor.memory, { layout: [y, u, v, alpha] });
      compositor.begin();
      break;
    }
    case 'NV12': {
      const chroma = { offset: compositor.stage(2 * u.stride * ((height + 1) >> 1)), stride: 2 * u.stride };
      await frame.copyTo(compositor.memory, { layout: [y, chroma] });
      compositor.beginNv12();
      break;
    }
    default: {
      // RGB of some kind, or a texture whose format is not told: let the browser convert that one.
      const blueFirst = frame.format === 'BGRA' || frame.format === 'BGRX';
      const native = blueFirst || frame.format === 'RGBA' || frame.format === 'RGBX';
      const layout = [{ offset: compositor.stage(4 * y.stride * height), stride: 4 * y.stride }];
      await frame.copyTo(compositor.memory, native ? { layout } : { layout, format: 'RGBA' });
      compositor.beginRgba(blueFirst);
    }
  }
};

/** @returns a new frame with the compositor's planes and the timing of `like`; the caller closes it */
export const makeFrame = (compositor: PlanarCompositor, like: VideoFrame): VideoFrame =>
  new VideoFrame(compositor.frameBytes, { ...describeFrame(compositor, like), format: 'I420', layout: compositor.layout('frame') });

/** What the compositor's planes are, with the timing of `like`. */
export const describeFrame = (compositor: PlanarCompositor, like: VideoFrame): Omit<VideoFrameBufferInit, 'format' | 'layout'> => {
  const { width, height } = compositor.outputSize;
  return {
    codedWidth: width,
    codedHeight: height,
    // Smaller only where the compositor made it so: a sender would scale it up again.
    displayWidth: Math.round((like.displayWidth * width) / compositor.width),
    displayHeight: Math.round((like.displayHeight * height) / compositor.height),
    timestamp: like.timestamp,
    ...(like.duration === null ? {} : { duration: like.duration }),
    colorSpace: isPlanar(like) ? like.colorSpace.toJSON() : { matrix: 'smpte170m', primaries: 'bt709', transfer: 'bt709', fullRange: false },
    ...orientation(like),
  };
};

/** Whether the samples of a frame use the full range, as they lie in the compositor's planes. */
export const isFullRange = (frame: VideoFrame): boolean => isPlanar(frame) && frame.colorSpace.fullRange === true;

const isPlanar = (frame: VideoFrame): boolean => frame.format !== null && /^(I420|NV12)/.test(frame.format);

/** Size of the visible part of a frame in pixels: what `copyTo` copies. */
export const visibleSize = (frame: VideoFrame): { width: number; height: number } => {
  const rect = frame.visibleRect;
  return rect ? { width: rect.width, height: rect.height } : { width: frame.codedWidth, height: frame.codedHeight };
};

/** Rotation and flip are newer than the DOM types. */
const orientation = (frame: VideoFrame): { rotation?: number; flip?: boolean } => {
  const { rotation, flip } = frame as VideoFrame & { rotation?: number; flip?: boolean };
  return { ...(rotation === undefined ? {} : { rotation }), ...(flip === undefined ? {} : { flip }) };
};
