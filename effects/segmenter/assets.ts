import type { EngineAssets } from '../protocol';

/** Where webpack put the worker's files: beside the bundle, named by content. */
export const bundledAssets = (): EngineAssets => ({
  network: new URL('./assembly/index.ts?wasm', import.meta.url).href,
  weights: new URL('@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?weights', import.meta.url).href,
  mediapipeLoader: new URL('@mediapipe/tasks-vision/vision_wasm_nosimd_internal.js', import.meta.url).href,
  mediapipeWasm: new URL('@mediapipe/tasks-vision/vision_wasm_nosimd_internal.wasm', import.meta.url).href,
  mediapipeModel: new URL('@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite', import.meta.url).href,
  kernel: new URL('../kernel/assembly/index.ts?wasm', import.meta.url).href,
});
