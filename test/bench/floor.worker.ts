// The floor: what inference alone costs. Every frame of the camera is taken and dropped, and a fixed picture segmented.
import type { SegmenterAssets } from '../../effects/protocol';
import { loadSegmenter, MASK_HEIGHT, MASK_WIDTH } from '../../effects/segmenter/segmenter';

self.onmessage = async ({ data: { readable, assets } }: MessageEvent<{ readable: ReadableStream<VideoFrame>; assets: SegmenterAssets }>) => {
  const segmenter = await loadSegmenter(assets);
  const picture = new ImageData(MASK_WIDTH, MASK_HEIGHT);
  const mask = new Uint8Array(MASK_WIDTH * MASK_HEIGHT);
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    next.value.close();
    segmenter.segment(picture, mask);
  }
};
