// The segmenter alone, on the page's own thread: pictures of the model's size in, masks out.
import { bundledAssets } from '../../../effects/segmenter/assets';
import { MediaPipeSegmenter } from '../../../effects/segmenter/mediapipe';
import { loadSegmenter, MASK_HEIGHT, MASK_WIDTH } from '../../../effects/segmenter/segmenter';

const bench = {
  /**
   * @param url of RGBA pictures one after the other
   * @param engine ours, or MediaPipe's own
   * @returns their masks one after the other, one byte per pixel, as base64
   */
  async masks(url: string, engine: 'ours' | 'mediapipe' = 'ours'): Promise<string> {
    const segmenter = await (engine === 'ours' ? loadSegmenter(bundledAssets()) : MediaPipeSegmenter.load(bundledAssets()));
    const pictures = new Uint8ClampedArray(await (await fetch(url)).arrayBuffer());
    const area = MASK_WIDTH * MASK_HEIGHT;
    const masks = new Uint8Array(pictures.length / 4);
    for (let at = 0; at < masks.length; at += area) {
      segmenter.segment(new ImageData(pictures.slice(4 * at, 4 * (at + area)), MASK_WIDTH, MASK_HEIGHT), masks.subarray(at, at + area));
    }
    segmenter.dispose();
    let text = '';
    for (let at = 0; at < masks.length; at += 32768) text += String.fromCharCode(...masks.subarray(at, at + 32768));
    return btoa(text);
  },
};

export type SegmenterBench = typeof bench;
Object.assign(window, { bench });
