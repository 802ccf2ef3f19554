import type { Encoding } from '../../effects/backdrop/colour';
import { fromRgb, recoding } from '../../effects/backdrop/colour';
import type { Decoded, Samples, Turns } from '../../effects/backdrop/fit';
import { Fit, recode } from '../../effects/backdrop/fit';
import type { Picture, Plane } from '../../effects/compositor/planar';

const picture = (width: number, height: number): Picture => {
  const plane = (w: number, h: number): Plane => ({ width: w, height: h, stride: w + 5 + (w & 1), data: new Uint8Array((w + 6) * h) });
  return { y: plane(width, height), u: plane((width + 1) >> 1, (height + 1) >> 1), v: plane((width + 1) >> 1, (height + 1) >> 1) };
};
/** A slope in both directions, so that every place has a value of its own: 60 to 180 from left to right, and 40 more downwards. */
const slope = (s: number, t: number): number => 60 + 120 * s + 40 * t;
const decoded = (width: number, height: number, step: number): Decoded => {
  const plane = (w: number, h: number, gap: number): Samples => {
    const data = new Uint8Array(w * h * gap);
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) data[(y * w + x) * gap] = Math.round(slope((x + 0.5) / w, (y + 0.5) / h));
    return { width: w, height: h, stride: w * gap, step: gap, data };
  };
  const half = [(width + 1) >> 1, (height + 1) >> 1] as const;
  return { y: plane(width, height, 1), u: plane(...half, step), v: plane(...half, step) };
};

/** One turn clockwise about the middle, places from -1/2 to 1/2, y downwards. */
const turned = ([x, y]: readonly [number, number], degrees: number): [number, number] => (degrees === 0 ? [x, y] : turned([-y, x], degrees - 90));

const turns: Turns[] = [0, 90, 180, 270].flatMap((picture) => [0, 90, 180, 270].flatMap((frame) => [false, true].map((flip) => ({ picture, frame, flip }))));

test.each(turns)('a picture of $picture ° in a frame of $frame ° (flipped: $flip) covers it, upright when both are shown', (how) => {
  const [w, h] = [96, 64];
  for (const [width, height] of [[64, 48], [48, 96], [96, 64], [31, 57]] as const) {
    const to = picture(width, height);
    new Fit({ width: w, height: h }, { width, height }, how).write(decoded(w, h, how.flip ? 2 : 1), to);
    const [upW, upH] = how.picture % 180 === 0 ? [w, h] : [h, w];
    const [shownW, shownH] = how.frame % 180 === 0 ? [width, height] : [height, width];
    const scale = Math.max(shownW / upW, shownH / upH);
    let worst = 0;
    for (const plane of [to.y, to.u, to.v]) {
      for (let y = 2; y < plane.height - 2; y += 3) {
        for (let x = 2; x < plane.width - 2; x += 3) {
          // Where this sample is shown, in pixels from the middle; and what of the picture, as it lies in its file, is there.
          const [sx, sy] = turned([(x + 0.5 - plane.width / 2) * (width / plane.width), (y + 0.5 - plane.height / 2) * (height / plane.height)], how.frame);
          const [px, py] = turned([(how.flip ? -sx : sx) / scale, sy / scale], (360 - how.picture) % 360);
          worst = Math.max(worst, Math.abs(plane.data[y * plane.stride + x]! - slope(0.5 + px / w, 0.5 + py / h)));
        }
      }
    }
    expect(worst).toBeLessThan(4);
  }
});

test('a picture of the frame’s own size is copied sample by sample', () => {
  const from = decoded(33, 17, 1);
  const to = picture(33, 17);
  new Fit({ width: 33, height: 17 }, { width: 33, height: 17 }, { picture: 0, frame: 0, flip: false }).write(from, to);
  for (const key of ['y', 'u', 'v'] as const) {
    for (let row = 0; row < to[key].height; row++) {
      expect(to[key].data.slice(row * to[key].stride, row * to[key].stride + to[key].width)).toEqual(from[key].data.slice(row * from[key].stride, (row + 1) * from[key].stride));
    }
  }
});

const encodings: Encoding[] = ['smpte170m', 'bt709', 'bt2020-ncl'].flatMap((matrix) => [false, true].map((fullRange) => ({ matrix, fullRange })));

test.each(encodings.flatMap((from) => encodings.map((to) => ({ from, to }))))('the colours of $from.matrix (full range: $from.fullRange) are those of $to.matrix ($to.fullRange)', ({ from, to }) => {
  let worst = 0;
  for (const [red, green, blue] of [[255, 255, 255], [0, 0, 0], [200, 40, 90], [10, 180, 60], [30, 60, 220]] as const) {
    const [before, after] = [fromRgb(from)(red, green, blue), fromRgb(to)(red, green, blue)];
    const planes = picture(5, 3);
    for (const key of ['y', 'u', 'v'] as const) planes[key].data.fill(Math.round(before[key]));
    const difference = recoding(from, to);
    expect(difference === undefined).toBe(from === to);
    if (difference) recode(planes, difference);
    for (const key of ['y', 'u', 'v'] as const) {
      const { data, width, height, stride } = planes[key];
      for (let row = 0; row < height; row++) for (let x = 0; x < width; x++) worst = Math.max(worst, Math.abs(data[row * stride + x]! - after[key]));
    }
  }
  expect(worst).toBeLessThan(2.5);
});
