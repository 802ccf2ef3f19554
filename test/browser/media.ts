import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const RATE = 8000;

export interface Probe {
  /** As the container says, s; null if it does not say. */
  readonly duration: number | null;
  readonly streams: readonly { readonly type: string; readonly codec: string }[];
}

export async function probe(file: string): Promise<Probe> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', 'stream=codec_type,codec_name:format=duration', file]);
  const { streams, format } = JSON.parse(stdout) as { streams: { codec_type: string; codec_name: string }[]; format: { duration?: string } };
  return { duration: format.duration === undefined ? null : Number(format.duration), streams: streams.map(({ codec_type: type, codec_name: codec }) => ({ type, codec })) };
}

/** Decodes both streams to their ends and answers where each ends, in seconds. Rejects at the first decoding error. */
export async function decode(file: string): Promise<{ video: number; audio: number }> {
  await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-map', '0', '-f', 'null', '-']);
  const end = async (stream: 'v:0' | 'a:0'): Promise<number> => Math.max(0, ...await packetTimes(file, stream));
  return { video: await end('v:0'), audio: await end('a:0') };
}

/** Jumps to a time (s) and decodes one picture there; false if there is none. Rejects at a decoding error. */
export async function decodesAt(file: string, seconds: number): Promise<boolean> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-xerror', '-ss', String(seconds), '-i', file, '-map', 'v:0', '-frames:v', '1', '-f', 'framemd5', '-']);
  return stdout.split('\n').some((line) => /^\d/.test(line));
}

/** When the packets of a stream are to be shown, s. */
export async function packetTimes(file: string, stream: 'v:0' | 'a:0'): Promise<number[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file], { maxBuffer: 1e8 });
  return stdout.split('\n').map(Number.parseFloat).filter((time) => !Number.isNaN(time));
}

/** Where the picture has another size from then on, s, the first one included. Decodes it all. */
export async function pictureSizes(file: string): Promise<{ at: number; size: string }[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=pts_time,width,height', '-of', 'json', file], { maxBuffer: 1e8 });
  const { frames } = JSON.parse(stdout) as { frames: { pts_time: string; width: number; height: number }[] };
  return frames.map(({ pts_time: at, width, height }) => ({ at: Number(at), size: `${width}x${height}` })).filter(({ size }, index, all) => size !== all[index - 1]?.size);
}

/** The sound as mono samples, `RATE` per second. */
export async function samples(file: string): Promise<Float32Array> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-vn', '-ac', '1', '-ar', String(RATE), '-f', 'f32le', '-'], { encoding: 'buffer', maxBuffer: 1e9 });
  return new Float32Array(stdout.buffer, stdout.byteOffset, Math.floor(stdout.byteLength / 4));
}

/** Amplitude of one frequency between two times (s), by Goertzel's algorithm: a tone of gain 0.3 answers about 0.3. */
export function loudness(pcm: Float32Array, frequency: number, from = 0, to = pcm.length / RATE): number {
  const part = pcm.subarray(Math.round(from * RATE), Math.round(to * RATE));
  const turn = (2 * Math.PI * frequency) / RATE;
  const coefficient = 2 * Math.cos(turn);
  let before = 0;
  let last = 0;
  for (const sample of part) [before, last] = [last, sample + coefficient * last - before];
  const power = before * before + last * last - coefficient * before * last;
  return (2 * Math.sqrt(Math.max(0, power))) / Math.max(1, part.length);
}
