/** What a clip may weigh: all of it is in memory while it plays. Bytes. */
export const MAX_CLIP_BYTES = 30e6;
