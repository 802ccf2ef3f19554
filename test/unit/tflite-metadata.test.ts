import fs from 'node:fs';
import { ByteBuffer } from 'flatbuffers';
import { completeModel } from '../../effects/segmenter/tflite-metadata.cjs';

const MODEL = require.resolve('@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite');

/** Reads tables by field number, as the format says, with the library's reader rather than our writer's arithmetic. */
class Table {
  constructor(
    readonly bytes: ByteBuffer,
    readonly at: number,
  ) {}
  static root(data: Uint8Array): Table {
    const bytes = new ByteBuffer(data);
    return new Table(bytes, bytes.readInt32(0));
  }
  field(n: number): number {
    const offset = this.bytes.__offset(this.at, 4 + 2 * n);
    return offset === 0 ? 0 : this.at + offset;
  }
  table(n: number): Table {
    return new Table(this.bytes, this.bytes.__indirect(this.field(n)));
  }
  length(n: number): number {
    return this.bytes.__vector_len(this.field(n));
  }
  element(n: number, i: number): Table {
    return new Table(this.bytes, this.bytes.__indirect(this.bytes.__vector(this.field(n)) + 4 * i));
  }
  text(n: number): string {
    return this.bytes.__string(this.field(n)) as string;
  }
  octets(n: number): Uint8Array {
    const start = this.bytes.__vector(this.field(n));
    return this.bytes.bytes().subarray(start, start + this.length(n));
  }
  float(n: number, i: number): number {
    return this.bytes.readFloat32(this.bytes.__vector(this.field(n)) + 4 * i);
  }
}

const original = new Uint8Array(fs.readFileSync(MODEL));
const completed = new Uint8Array(completeModel(original, { mean: 0, std: 255 }));

test('the model carries NormalizationOptions of mean 0 and standard deviation 255', () => {
  const model = Table.root(completed);
  expect(model.length(6)).toBe(1);
  const entry = model.element(6, 0);
  expect(entry.text(0)).toBe('TFLITE_METADATA');
  const data = model.element(4, entry.bytes.readUint32(entry.field(1))).octets(0);
  expect(Buffer.from(data.subarray(4, 8)).toString()).toBe('M001');
  const input = Table.root(data.slice()).element(3, 0).element(2, 0);
  const unit = input.element(4, 0);
  expect(unit.bytes.readUint8(unit.field(0))).toBe(1);
  const options = unit.table(1);
  expect([options.float(0, 0), options.float(1, 0)]).toEqual([0, 255]);
});

test('every buffer, operator and subgraph of the original is still there, and aligned', () => {
  const [before, after] = [Table.root(original), Table.root(completed)];
  const count = before.length(4);
  expect(after.length(4)).toBe(count + 1);
  for (let i = 0; i < count; i++) {
    const [a, b] = [before.element(4, i), after.element(4, i)];
    if (a.field(0) === 0) continue;
    const octets = b.octets(0);
    expect(Buffer.compare(a.octets(0), octets)).toBe(0);
    expect(octets.byteOffset % 16).toBe(a.octets(0).byteOffset % 16);
  }
  for (const n of [1, 2]) expect(after.length(n)).toBe(before.length(n));
  expect(after.element(2, 0).length(0)).toBe(before.element(2, 0).length(0));
});

test('what is not a bare TFLite model is refused', () => {
  expect(() => completeModel(new TextEncoder().encode('<!doctype html>'), { mean: 0, std: 255 })).toThrow('not a TFLite model');
  expect(() => completeModel(completed, { mean: 0, std: 255 })).toThrow('metadata already');
});
