import type { CoverText } from './spec';

/**
 * Draws the cover card: a calm picture with a short text that leaves in place of the camera.
 *
 * @param width, height of the camera picture, in pixels
 * @returns a canvas that the caller owns
 */
export const drawCover = (width: number, height: number, text: CoverText): OffscreenCanvas => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no 2D canvas for the cover card');
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, '#23303f');
  sky.addColorStop(1, '#18212c');
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);

  // Two soft hills: enough of a picture to look meant, flat enough to cost next to nothing to encode.
  const hill = (level: number, sway: number, colour: string): void => {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, height);
    context.lineTo(0, height * level);
    context.bezierCurveTo(width * 0.3, height * (level - sway), width * 0.6, height * (level + sway), width, height * level);
    context.lineTo(width, height);
    context.fill();
  };
  hill(0.74, 0.1, '#2b4150');
  hill(0.84, -0.08, '#34525c');

  const unit = Math.min(width, height);
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = '#f2f6f8';
  context.font = `600 ${Math.max(10, Math.round(unit * 0.075))}px system-ui, sans-serif`;
  context.fillText(text.title, width / 2, height * 0.42, width * 0.9);
  context.fillStyle = '#b9c8d0';
  context.font = `400 ${Math.max(8, Math.round(unit * 0.045))}px system-ui, sans-serif`;
  context.fillText(text.detail, width / 2, height * 0.53, width * 0.9);
  return canvas;
};

/** A card that was not asked for in this time is let go of, ms: with its canvas it takes 4 MB at 720p, in each place that has one. */
const KEPT_MS = 3000;

/** The cover card as frames, drawn once per size and text, and anew after a time in which it was not needed. */
export class CoverFrames {
  #card: VideoFrame | undefined;
  #disposed = false;
  #keeping: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly text: CoverText) {}

  /** @returns a frame that the caller closes; `timestamp` in microseconds. */
  frame(width: number, height: number, timestamp: number): VideoFrame {
    // A last frame may still be on its way: it gets a card of its own, since nobody would close one that is kept.
    if (this.#disposed) return drawFrame(width, height, this.text, timestamp);
    if (this.#card?.codedWidth !== width || this.#card.codedHeight !== height) {
      this.#card?.close();
      this.#card = drawFrame(width, height, this.text, 0);
    }
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#letGo(), KEPT_MS);
    return new VideoFrame(this.#card, { timestamp });
  }

  dispose(): void {
    this.#disposed = true;
    this.#letGo();
  }

  #letGo(): void {
    clearTimeout(this.#keeping);
    this.#card?.close();
    this.#card = undefined;
  }
}

const drawFrame = (width: number, height: number, text: CoverText, timestamp: number): VideoFrame => {
  const canvas = drawCover(width, height, text);
  const frame = new VideoFrame(canvas, { timestamp, alpha: 'discard' });
  canvas.width = canvas.height = 0; // its pixels go with the last frame, not when the garbage is collected
  return frame;
};
