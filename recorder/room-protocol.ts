import type { Scene } from './stage';

/** To the room's worker. A tile is named by its id in the scene. */
export type ToRoom =
  /** With `writable` (transferred) it draws; without, it only tells the time, as a hidden page has no clock of its own. */
  | { readonly type: 'begin'; readonly width: number; readonly height: number; readonly periodMs: number; readonly writable?: WritableStream<VideoFrame> }
  | { readonly type: 'scene'; readonly scene: Scene }
  /** The frames of a tile from now on (transferred), in the place of those it had. */
  | { readonly type: 'open'; readonly tile: string; readonly readable: ReadableStream<VideoFrame> }
  | { readonly type: 'close'; readonly tile: string }
  /** Lets go of everything and ends. */
  | { readonly type: 'end' };

export type FromRoom =
  | { readonly type: 'ready' }
  | { readonly type: 'tick' };
