/** Greenroom's frame kernel: see ../kernel.ts for what the exports mean to the caller. */
import { blurBackground } from './background';
import { blendBackdrop, blendBlurred, blendColour, writeMatte } from './blend';
import { fromNv12, fromRgba, padFrame } from './convert';
import { halveFrame } from './halve';
import { matte } from './matte';
import { alphaPlane, backdropY, chromaStride, frameU, frameV, frameY, layout, lumaStride, modelMask, modelRgba, reserveStaging, staging } from './memory';
import { modelInput, shrink } from './shrink';

export { blendBackdrop, blendBlurred, blendColour, blurBackground, fromNv12, fromRgba, halveFrame, layout, matte, modelInput, padFrame, reserveStaging, shrink, writeMatte };

export function lumaStrideOf(): i32 {
  return lumaStride;
}
export function chromaStrideOf(): i32 {
  return chromaStride;
}
export function frameAt(): usize {
  return frameY;
}
export function backdropAt(): usize {
  return backdropY;
}
export function modelInputAt(): usize {
  return modelRgba;
}
export function modelMaskAt(): usize {
  return modelMask;
}
export function stagingAt(): usize {
  return staging;
}
export function alphaAt(): usize {
  return alphaPlane;
}
