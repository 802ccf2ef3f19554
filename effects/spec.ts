/** What leaves instead of the camera picture. Pure data: it crosses the worker boundary as it is. */
export type EffectSpec =
  | { readonly kind: 'none' }
  /** `strength` runs from 0 (barely) to 1 (unrecognisable). */
  | { readonly kind: 'blur'; readonly strength: number }
  /** A picture instead of the room, covering the frame. While it loads, the effect before it stays. */
  | { readonly kind: 'image'; readonly source: PictureSource }
  /**
   * A clip instead of the room, covering the frame, over and over and without its sound; at most 30 MB and 1920 x 1088.
   * `poster` stands in where the browser decodes no such video in workers. While it loads, the effect before it stays.
   */
  | { readonly kind: 'video'; readonly source: PictureSource; readonly poster?: PictureSource }
  /** One colour instead of the room, as `#rrggbb`. */
  | { readonly kind: 'colour'; readonly colour: string }
  /**
   * The person alone, for a scene that is put together later on this page. Where frames travel as such (Chromium), the
   * output's frames are I420A: alpha is the matte, 255 for the person, and is not multiplied into the colours. Where alpha
   * is 0 the colours are black, and black is what is seen wherever alpha is lost: in an encoder, and on the canvas that
   * frames travel by in other browsers.
   */
  | { readonly kind: 'transparent' };

/**
 * The address of a picture or clip on this origin, or the file itself: any raster format the browser decodes; WebM or MP4
 * with a codec the browser decodes.
 */
export type PictureSource = string | Blob;

/** The words on the cover card, the still picture that leaves while there is no mask. */
export interface CoverText {
  readonly title: string;
  readonly detail: string;
}

export type FailureCode =
  /** The worker script could not be loaded or started. */
  | 'worker-unavailable'
  /** The worker died after it had run. */
  | 'worker-crashed'
  /** The segmentation model could not be fetched or read. */
  | 'model-unavailable'
  /** The segmentation engine (wasm) could not be fetched or started. */
  | 'engine-unavailable'
  /** The background picture or video could not be fetched or read. */
  | 'picture-unavailable'
  /** This browser cannot show this background video. */
  | 'video-unsupported'
  /** Frames arrive but cannot be processed. */
  | 'frame-failed';

/** A failure as it crosses module and worker boundaries: a code for programs, a detail for the log. */
export interface EffectFailure {
  readonly code: FailureCode;
  /** Whether trying again, without reloading the page, can help. */
  readonly recoverable: boolean;
  readonly detail: string;
}

/**
 * What leaves right now.
 *
 * - `passing`: the camera as it is, because the effect is `none`
 * - `covered`: the cover card, until the first mask is there
 * - `running`: the effect
 * - `system`: the camera as it is, because the operating system blurs it already
 * - `failed`: the cover card, because something broke
 * - `ended`: nothing; the camera or the output was stopped
 */
export type EffectState =
  | { readonly kind: 'passing' }
  | { readonly kind: 'covered' }
  | { readonly kind: 'running' }
  | { readonly kind: 'system' }
  | { readonly kind: 'failed'; readonly failure: EffectFailure }
  | { readonly kind: 'ended' };

export const toFailure = (code: FailureCode, cause: unknown, recoverable = true): EffectFailure => ({
  code,
  recoverable,
  detail: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
});

/** A failure on its way through promises. */
export class EffectError extends Error {
  override readonly name = 'EffectError';
  readonly failure: EffectFailure;

  constructor(code: FailureCode, cause: unknown) {
    const failure = toFailure(code, cause);
    super(`${code}: ${failure.detail}`, { cause });
    this.failure = failure;
  }
}

/** Whether every frame gets a mask of its own, or as many as the machine has time for; under heavy load the frames shrink too. */
export type MaskRate = 'every-frame' | 'governed';
