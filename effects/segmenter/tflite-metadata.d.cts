/** Completes a TFLite model with NormalizationOptions metadata; see the implementation. */
export function completeModel(model: Uint8Array, normalization: { mean: number; std: number }): Uint8Array;
