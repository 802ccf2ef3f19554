/**
 * Completes a TFLite model with the metadata that MediaPipe tasks demand, at build time.
 *
 * The selfie models are published without NormalizationOptions, and ImageSegmenter refuses them as they are. Their
 * input is RGB in 0..1, which in the terms of the metadata is (value - mean) / std with mean 0 and std 255. A wrong std
 * loads without an error and gives garbage.
 *
 * Formats: schema.fbs of TensorFlow Lite (Model) and metadata_schema.fbs of TFLite Support (ModelMetadata, "M001").
 */
const flatbuffers = require('flatbuffers');

/** Field numbers of `table Model`; its vtable holds one 16-bit slot per field. */
const MODEL = { version: 0, operatorCodes: 1, subgraphs: 2, description: 3, buffers: 4, metadataBuffer: 5, metadata: 6, signatureDefs: 7 };
const METADATA_NAME = 'TFLITE_METADATA';

/** @returns {Uint8Array} a ModelMetadata flatbuffer for one RGB image input */
function modelMetadata({ mean, std }) {
  const b = new flatbuffers.Builder(512);
  const text = (s) => b.createString(s);
  const floats = (values) => {
    b.startVector(4, values.length, 4);
    for (const v of [...values].reverse()) b.addFloat32(v);
    return b.endVector();
  };
  const offsets = (list) => {
    b.startVector(4, list.length, 4);
    for (const o of [...list].reverse()) b.addOffset(o);
    return b.endVector();
  };
  const table = (slots, fill) => {
    b.startObject(slots);
    fill();
    return b.endObject();
  };

  const meanVector = floats([mean]);
  const stdVector = floats([std]);
  const normalization = table(2, () => (b.addFieldOffset(0, meanVector, 0), b.addFieldOffset(1, stdVector, 0)));
  // ProcessUnit is a union: its type (NormalizationOptions = 1) and its value.
  const unit = table(2, () => (b.addFieldInt8(0, 1, 0), b.addFieldOffset(1, normalization, 0)));
  const units = offsets([unit]);
  const image = table(2, () => b.addFieldInt8(0, 1, 0)); // ImageProperties.color_space = RGB
  const content = table(3, () => (b.addFieldInt8(0, 2, 0), b.addFieldOffset(1, image, 0))); // ContentProperties: ImageProperties = 2
  const inputName = text('image');
  const input = table(7, () => (b.addFieldOffset(0, inputName, 0), b.addFieldOffset(3, content, 0), b.addFieldOffset(4, units, 0)));
  const outputName = text('mask');
  const output = table(7, () => b.addFieldOffset(0, outputName, 0));
  const inputs = offsets([input]);
  const outputs = offsets([output]);
  const subgraph = table(10, () => (b.addFieldOffset(2, inputs, 0), b.addFieldOffset(3, outputs, 0)));
  const subgraphs = offsets([subgraph]);
  const name = text('selfie segmentation');
  const parser = text('1.0.0');
  const root = table(8, () => (b.addFieldOffset(0, name, 0), b.addFieldOffset(3, subgraphs, 0), b.addFieldOffset(7, parser, 0)));
  b.finish(root, 'M001');
  return b.asUint8Array();
}

/**
 * Puts a new root table in front of the untouched model. Flatbuffer offsets are relative and point forward only, so
 * whatever the old root pointed at stays valid, and no tensor moves within its file.
 *
 * @param {Uint8Array} model a TFLite file without metadata
 * @param {{mean: number, std: number}} normalization
 * @returns {Uint8Array} the same model with metadata
 * @throws {Error} when the file is not TFLite or has metadata already
 */
function completeModel(model, normalization) {
  const view = new DataView(model.buffer, model.byteOffset, model.byteLength);
  if (Buffer.from(model.subarray(4, 8)).toString('latin1') !== 'TFL3') throw new Error('not a TFLite model');
  const root = view.getUint32(0, true);
  const vtable = root - view.getInt32(root, true);
  const slots = (view.getUint16(vtable, true) - 4) / 2;
  const field = (n) => (n < slots ? view.getUint16(vtable + 4 + 2 * n, true) : 0);
  /** Where the old root's field n points, as a position in the old file; 0 when it is absent. */
  const target = (n) => (field(n) ? root + field(n) + view.getUint32(root + field(n), true) : 0);
  if (target(MODEL.metadata)) throw new Error('the model has metadata already');

  const metadata = modelMetadata(normalization);
  const buffersAt = target(MODEL.buffers);
  const bufferCount = view.getUint32(buffersAt, true);
  const nameBytes = Buffer.from(METADATA_NAME);
  const align = (n, to) => Math.ceil(n / to) * to;

  // Layout of what is put in front; every position counts from the start of the new file.
  const at = {};
  let end = 8; // root offset, file identifier
  const place = (key, size, to = 4) => {
    end = align(end, to);
    at[key] = end;
    end += size;
  };
  place('vtable', 4 + 2 * 8);
  place('root', 4 + 8 * 4);
  place('buffers', 4 + 4 * (bufferCount + 1));
  place('metadataVector', 4 + 4);
  place('metadataVtable', 4 + 2 * 2);
  place('metadataTable', 4 + 4 + 4);
  place('name', 4 + nameBytes.length + 1);
  place('bufferVtable', 4 + 2);
  place('bufferTable', 4 + 4);
  place('data', 4 + metadata.length, 16);
  const shift = align(end, 16); // tensors are aligned to 16 bytes within the file

  const out = Buffer.alloc(shift + model.length);
  out.set(model, shift);
  const u32 = (p, v) => out.writeUInt32LE(v, p);
  const u16 = (p, v) => out.writeUInt16LE(v, p);
  const point = (p, to) => u32(p, to - p);
  u32(0, at.root);
  out.write('TFL3', 4, 'latin1');

  u16(at.vtable, 4 + 2 * 8);
  u16(at.vtable + 2, 4 + 8 * 4);
  out.writeInt32LE(at.root - at.vtable, at.root);
  for (let n = 0; n < 8; n++) {
    const slot = at.root + 4 + 4 * n;
    const present = () => u16(at.vtable + 4 + 2 * n, slot - at.root);
    if (n === MODEL.version) {
      present();
      u32(slot, field(n) ? view.getUint32(root + field(n), true) : 0);
    } else if (n === MODEL.buffers || n === MODEL.metadata) {
      present();
      point(slot, n === MODEL.buffers ? at.buffers : at.metadataVector);
    } else if (target(n)) {
      present();
      point(slot, shift + target(n));
    }
  }

  u32(at.buffers, bufferCount + 1);
  for (let i = 0; i < bufferCount; i++) {
    const entry = buffersAt + 4 + 4 * i;
    point(at.buffers + 4 + 4 * i, shift + entry + view.getUint32(entry, true));
  }
  point(at.buffers + 4 + 4 * bufferCount, at.bufferTable);

  u32(at.metadataVector, 1);
  point(at.metadataVector + 4, at.metadataTable);
  u16(at.metadataVtable, 8);
  u16(at.metadataVtable + 2, 12);
  u16(at.metadataVtable + 4, 4); // name
  u16(at.metadataVtable + 6, 8); // buffer index
  out.writeInt32LE(at.metadataTable - at.metadataVtable, at.metadataTable);
  point(at.metadataTable + 4, at.name);
  u32(at.metadataTable + 8, bufferCount);
  u32(at.name, nameBytes.length);
  out.set(nameBytes, at.name + 4);

  u16(at.bufferVtable, 6);
  u16(at.bufferVtable + 2, 8);
  u16(at.bufferVtable + 4, 4); // data
  out.writeInt32LE(at.bufferTable - at.bufferVtable, at.bufferTable);
  point(at.bufferTable + 4, at.data);
  u32(at.data, metadata.length);
  out.set(metadata, at.data + 4);
  return out;
}

/** The webpack loader for `.tflite`. */
module.exports = function tfliteMetadataLoader(model) {
  return completeModel(model, { mean: 0, std: 255 });
};
module.exports.raw = true;
module.exports.completeModel = completeModel;
