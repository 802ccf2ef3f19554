// The floor with MediaPipe's own engine, whichever one ours is: see floor.worker.ts.
import { ImageSegmenter } from '@mediapipe/tasks-vision';

self.onmessage = async ({ data: { readable, wasm, model } }: MessageEvent<{ readable: ReadableStream<VideoFrame>; wasm: string; model: string }>) => {
  const segmenter = await ImageSegmenter.createFromOptions(
    { wasmLoaderPath: `${wasm}/vision_wasm_internal.js`, wasmBinaryPath: `${wasm}/vision_wasm_internal.wasm` },
    { baseOptions: { modelAssetPath: model, delegate: 'CPU' }, runningMode: 'IMAGE', outputConfidenceMasks: true, outputCategoryMask: false },
  );
  const picture = new ImageData(256, 144);
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    next.value.close();
    segmenter.segment(picture, (result) => result.confidenceMasks?.[0]?.getAsFloat32Array());
  }
};
