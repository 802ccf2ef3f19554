import type { EngineAssets } from '../protocol';

/** Where webpack put the worker's files: beside the bundle, named by content. */
export const bundledAssets = (): EngineAssets => ({
  loader: new URL('@mediapipe/tasks-vision/vision_wasm_internal.js', import.meta.url).href,
  wasm: new URL('@mediapipe/tasks-vision/vision_wasm_internal.wasm', import.meta.url).href,
  loaderNoSimd: new URL('@mediapipe/tasks-vision/vision_wasm_nosimd_internal.js', import.meta.url).href,
  wasmNoSimd: new URL('@mediapipe/tasks-vision/vision_wasm_nosimd_internal.wasm', import.meta.url).href,
  model: new URL('@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite', import.meta.url).href,
  kernel: new URL('../kernel/assembly/index.ts?wasm', import.meta.url).href,
});
