/** The file of weights that network.ts reads, from the published .tflite; throws for any other model. */
export function weightsFile(model: Uint8Array): Uint8Array;
