/**
 * Takes the weights out of MediaPipe's selfie segmentation model (landscape) at build time and puts them in the order and the
 * layouts in which assembly/ uses them.
 *
 * The network itself is written down in assembly/index.ts; any model but that one is refused here, by the fingerprint of its
 * graph. Format of the input: schema.fbs of TensorFlow Lite.
 */
const crypto = require('node:crypto');

/** SHA-256 over operators, options and shapes, see {@link describe}. */
const GRAPH = '197736535f8eaecd871a3e001534bb5f7965b1c068e18572423c3f09719730be';
const NAMES = { 0: 'add', 3: 'convolution', 4: 'depthwise', 6: 'dequantize', 14: 'sigmoid', 18: 'multiply', 19: 'relu', 23: 'resize', 40: 'mean', 117: 'hardSwish' };

/** Reads just as much of the flatbuffer as is needed. */
function parse(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at) => view.getUint32(at, true);
  const i32 = (at) => view.getInt32(at, true);
  const follow = (at) => at + u32(at);
  /** Where field `f` of a table is, or 0. */
  const table = (at) => {
    const vtable = at - i32(at);
    const size = view.getUint16(vtable, true);
    return (f) => {
      const offset = 4 + 2 * f < size ? view.getUint16(vtable + 4 + 2 * f, true) : 0;
      return offset ? at + offset : 0;
    };
  };
  const vector = (at) => (at ? Array.from({ length: u32(follow(at)) }, (_, i) => follow(at) + 4 + 4 * i) : []);
  const text = (at) => (at ? Buffer.from(bytes.buffer, bytes.byteOffset + follow(at) + 4, u32(follow(at))).toString() : '');

  const model = table(follow(0));
  const codes = vector(model(1)).map((at) => {
    const code = table(follow(at));
    return text(code(1)) || NAMES[Math.max(code(0) ? view.getInt8(code(0)) : 0, code(3) ? i32(code(3)) : 0)] || 'other';
  });
  const buffers = vector(model(4)).map((at) => table(follow(at))(0));
  const graph = table(follow(vector(model(2))[0]));
  const tensors = vector(graph(0)).map((at) => {
    const tensor = table(follow(at));
    return { shape: vector(tensor(0)).map(i32), type: tensor(1) ? bytes[tensor(1)] : 0, data: tensor(2) ? buffers[u32(tensor(2))] : 0 };
  });
  const operators = vector(graph(3)).map((at) => {
    const operator = table(follow(at));
    const options = operator(4) ? table(follow(operator(4))) : () => 0;
    return {
      name: codes[operator(0) ? u32(operator(0)) : 0],
      inputs: vector(operator(1)).map(i32),
      outputs: vector(operator(2)).map(i32),
      // Padding or activation, strides, and the resize's half-pixel centres: what there is in the first four fields.
      options: [0, 1, 2, 3].map((f) => (options(f) ? bytes[options(f)] : 0)),
    };
  });

  /** A constant as floats. Types: float32 = 0, float16 = 1. */
  const constant = (index) => {
    const source = operators.find((each) => each.name === 'dequantize' && each.outputs[0] === index);
    const { shape, type, data } = tensors[source ? source.inputs[0] : index];
    const start = follow(data) + 4;
    const count = shape.reduce((a, b) => a * b, 1);
    return Float32Array.from({ length: count }, (_, i) => (type === 1 ? halfToFloat(view.getUint16(start + 2 * i, true)) : view.getFloat32(start + 4 * i, true)));
  };
  return { operators: operators.filter(({ name }) => name !== 'dequantize'), tensors, constant };
}

function halfToFloat(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) throw new Error('a weight of the model is not finite');
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const describe = ({ operators, tensors }) =>
  operators.map(({ name, inputs, outputs, options }) => [name, ...options, ...inputs.map((i) => `${i}:${tensors[i].shape}`), '>', ...outputs].join(' ')).join('\n');

/**
 * @param {Uint8Array} model the .tflite file
 * @returns {Float32Array} all weights, in order of use
 */
function weightsOf(model) {
  const parsed = parse(model);
  const graph = crypto.createHash('sha256').update(describe(parsed)).digest('hex');
  if (graph !== GRAPH) throw new Error(`this is not the selfie segmentation model that the network was written for (graph ${graph})`);
  const layers = parsed.operators
    .filter(({ name }) => ['convolution', 'depthwise', 'Convolution2DTransposeBias'].includes(name))
    .map(({ inputs: [, w, b] }) => ({ w: parsed.constant(w), b: parsed.constant(b), inputs: parsed.tensors[w].shape[3], outputs: parsed.tensors[b].shape[0] }));
  let index = 0;
  const layer = () => layers[index++];

  const out = [];
  const put = (values) => out.push(...values);
  /** [outputs][taps] to panels of eight outputs. */
  const panels = (w, taps, outputs) => {
    for (let o = 0; o < outputs; o += 8) for (let i = 0; i < taps; i++) for (let k = 0; k < 8; k++) out.push(w[(o + k) * taps + i]);
  };
  const pointwise = ({ w, b, inputs, outputs } = layer()) => {
    panels(w, inputs, outputs);
    put(b);
  };
  const depthwise = (taps, { w, b, outputs } = layer()) => {
    for (let c = 0; c < outputs; c += 4) for (let t = 0; t < taps; t++) for (let k = 0; k < 4; k++) out.push(w[t * outputs + c + k]);
    put(b);
  };
  const dense = ({ w, b, inputs, outputs } = layer()) => {
    for (let i = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) out.push(w[o * inputs + i]);
    put(b);
  };
  /** second(first(x)) as one layer. */
  const composed = (first, second) => {
    const w = new Float32Array(second.outputs * first.inputs);
    const b = new Float32Array(second.outputs);
    for (let o = 0; o < second.outputs; o++) {
      for (let m = 0; m < second.inputs; m++) {
        const factor = second.w[o * second.inputs + m];
        b[o] += factor * first.b[m];
        for (let i = 0; i < first.inputs; i++) w[o * first.inputs + i] += factor * first.w[m * first.inputs + i];
      }
    }
    return { w, b, inputs: first.inputs, outputs: second.outputs };
  };
  const excite = () => {
    dense();
    dense();
  };
  const inverted = () => {
    pointwise();
    depthwise(25);
    excite();
    pointwise();
  };
  const combine = () => {
    const fromBelow = layer();
    const squeeze = layer();
    const gate = layer();
    const here = layer();
    pointwise(composed(fromBelow, here));
    dense(fromBelow);
    dense(squeeze);
    dense(gate);
    pointwise(here);
  };

  const first = layer();
  panels(first.w.map((value) => value / 255), 27, 16); // the model's input is 0 to 1, ours 0 to 255
  put(first.b);
  pointwise();
  depthwise(9);
  excite();
  pointwise();
  pointwise();
  depthwise(9);
  pointwise();
  pointwise();
  depthwise(9);
  pointwise();
  for (let i = 0; i < 5; i++) inverted();
  pointwise();
  dense();
  combine();
  depthwise(9);
  combine();
  depthwise(9);
  combine();
  depthwise(9);
  const last = layer(); // [1][2][2][16]
  for (let c = 0; c < 16; c += 4) for (let place = 0; place < 4; place++) put(last.w.slice(place * 16 + c, place * 16 + c + 4));
  put(Array(4).fill(last.b[0]));
  return Float32Array.from(out);
}

/** The file that network.ts reads: `GRSW`, the SHA-256 of what follows, and the weights, float32, little-endian. */
function weightsFile(model) {
  const weights = weightsOf(model);
  const body = Buffer.alloc(weights.length * 4);
  weights.forEach((value, i) => body.writeFloatLE(value, i * 4));
  return Buffer.concat([Buffer.from('GRSW'), crypto.createHash('sha256').update(body).digest(), body]);
}

/** The webpack loader. */
module.exports = function weightsLoader(model) {
  return weightsFile(model);
};
module.exports.raw = true;
module.exports.weightsFile = weightsFile;
