import { decodeMark, MARK_FRAMES, paintMark } from '../tools/marks';
import { pseudoRandom } from '../tools/sound';

/** A busy picture with the mark of one frame painted in. */
function marked(width: number, height: number, frame: number): Uint8Array {
  const random = pseudoRandom(frame + 1);
  const plane = Uint8Array.from({ length: width * height }, (_, i) => 60 + 80 * Math.sin(i / 7) * Math.sin(i / width / 5) + 60 * random());
  paintMark(plane, width, height, width, frame);
  return plane;
}

/** Scales by area means, as encoders do when the bandwidth is short. */
function scaled(plane: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array {
  return Uint8Array.from({ length: toWidth * toHeight }, (_, i) => {
    const [left, right] = [((i % toWidth) * width) / toWidth, (((i % toWidth) + 1) * width) / toWidth];
    const [top, bottom] = [(Math.floor(i / toWidth) * height) / toHeight, ((Math.floor(i / toWidth) + 1) * height) / toHeight];
    let sum = 0;
    let count = 0;
    for (let y = Math.floor(top); y < bottom; y++) for (let x = Math.floor(left); x < right; x++, count++) sum += plane[y * width + x] ?? 0;
    return sum / count;
  });
}

/** Three box blurs, close to a Gaussian of about `radius` pixels. */
function blurred(plane: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  let current = Float64Array.from(plane);
  for (let pass = 0; pass < 6; pass++) {
    const [step, size] = pass % 2 === 0 ? [1, width] : [width, height];
    const previous = current;
    current = previous.map((_, i) => {
      const at = Math.floor(i / step) % size;
      let sum = 0;
      for (let d = -radius; d <= radius; d++) sum += previous[i + (Math.min(size - 1, Math.max(0, at + d)) - at) * step] ?? 0;
      return sum / (2 * radius + 1);
    });
  }
  return Uint8Array.from(current);
}

test('every number that is painted is read back', () => {
  const plane = new Uint8Array(640 * 360);
  for (let frame = 0; frame < MARK_FRAMES; frame++) {
    paintMark(plane, 640, 360, 640, frame);
    if (decodeMark(plane, 640, 360, 640)?.frame !== frame) throw new Error(`frame ${frame} is not read back`);
  }
});

test('the mark survives other sizes, a padded stride and coarse quantisation', () => {
  for (const [width, height] of [[1280, 720], [640, 360], [320, 180], [176, 100]] as const) {
    expect(decodeMark(scaled(marked(1280, 720, 1234), 1280, 720, width, height), width, height, width)).toEqual({ frame: 1234, corner: 'left' });
  }
  const padded = new Uint8Array(704 * 360);
  const plane = marked(640, 360, 77);
  for (let y = 0; y < 360; y++) padded.set(plane.subarray(y * 640, (y + 1) * 640), y * 704);
  expect(decodeMark(padded.map((value) => value & 0xe0), 640, 360, 704)?.frame).toBe(77);
});

test('the right mark stands in when the left one is covered, and nothing is read when both are', () => {
  const plane = marked(640, 360, 5);
  for (let y = 0; y < 100; y++) plane.fill(90, y * 640, y * 640 + 200);
  expect(decodeMark(plane, 640, 360, 640)).toEqual({ frame: 5, corner: 'right' });
  for (let y = 0; y < 100; y++) plane.fill(90, y * 640, (y + 1) * 640);
  expect(decodeMark(plane, 640, 360, 640)).toBeNull();
});

test('a blurred mark cannot be read, and no number is found where none was painted', () => {
  expect(decodeMark(blurred(marked(320, 180, 99), 320, 180, 1), 320, 180, 320)?.frame).toBe(99);
  for (const frame of [0, 2730, 4095]) expect(decodeMark(blurred(marked(320, 180, frame), 320, 180, 4), 320, 180, 320)).toBeNull();
  const random = pseudoRandom(3);
  for (let round = 0; round < 50; round++) expect(decodeMark(Uint8Array.from({ length: 40 * 23 }, () => 255 * Math.round(random())), 40, 22, 40)).toBeNull();
});
