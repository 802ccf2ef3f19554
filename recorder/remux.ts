import {
  BufferSource, EncodedAudioPacketSource, EncodedPacket, EncodedVideoPacketSource, Input, Mp4OutputFormat, Output, StreamTarget, WEBM, WebMOutputFormat,
  type AudioCodec, type StreamTargetChunk, type VideoCodec,
} from 'mediabunny';
import { RecorderError } from './errors';
import type { StoredChunk } from './journal';
import { concat, WebmReader, type Block } from './webm';

/** Writes go out in pieces of this size, and two of them are in memory. Bytes. */
const WRITE_BYTES = 2 ** 20;
/** The tracks are described, and the first frames found, well before this; otherwise the start is lost. Bytes. */
const HEAD_BYTES = 8 * 2 ** 20;
/** Blocks follow each other more closely than this, unless a part is missing or a clock is damaged. Ms. */
const LEAP_MS = 500;
/** At the end there is no next cluster to ask: more than this is damage. Ms. */
const LAST_LEAP_MS = 60_000;
/** A packet of silence for any Opus decoder: 20 ms, full band, one channel (RFC 6716, 3.1). */
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);
const SILENCE_MS = 20;
/**
 * Chromium's MediaRecorder makes one packet of Opus, 60 ms long, of six buffers, and stamps it with the time of the last of
 * them (AudioTrackOpusEncoder): all its sound is late against the picture by the other five. Beside PCM of the same tracks,
 * which is stamped right, it is late by these 50 ms and the 6.5 that Opus looks ahead.
 */
const CHROMIUM = { muxer: 'Chrome', packetMs: 60, lateMs: 50 } as const;

/** What one encoder wrote, from its start to its end. */
export interface Take {
  /** Where it begins on the file's clock, ms. */
  readonly startMs: number;
  /** The number of its first chunk. */
  readonly first: number;
  readonly chunks: AsyncIterable<readonly StoredChunk[]>;
}

export interface RemuxOptions {
  /** Fragmented MP4: it opens at once, and its writer holds no table of all frames. */
  readonly container?: 'webm' | 'mp4';
  /** Leaves the picture out. */
  readonly soundOnly?: boolean;
  /**
   * Lays the sound end to end from zero, with silence where there is none: programs that edit sound go by its samples, and
   * ignore that a file begins late or has a hole.
   */
  readonly fromZero?: boolean;
}

/**
 * Puts a recording's frames, as they are, into a file that says how long it is and where to find each moment. Holds a few
 * chunks in memory, whatever the length. What is damaged is left out: the picture goes on with the next key frame.
 * @param takes one after the other on the file's clock; what they have in common with the first is joined
 * @returns how many parts were left out
 * @throws RecorderError `encoder` if there is nothing in it that could be written; and what reading and writing throw
 */
export async function remux(takes: Iterable<Take>, writable: WritableStream<StreamTargetChunk>, options: RemuxOptions = {}): Promise<number> {
  const format = options.container === 'mp4' ? new Mp4OutputFormat({ fastStart: 'fragmented' }) : new WebMOutputFormat();
  const output = new Output({ format, target: new StreamTarget(writable, { chunked: true, chunkSize: WRITE_BYTES }) });
  const file = new TargetFile(output, options);
  let losses = 0;
  let trouble = new RecorderError('encoder', 'The recording has no frames');
  try {
    for (const take of takes) {
      const reader = new WebmReader();
      try {
        await copyTake(take, reader, file);
      } catch (error) {
        // A take without a beginning is lost; the others need not be.
        if (!(error instanceof RecorderError && error.code === 'encoder')) throw error;
        trouble = error;
        losses++;
      }
      losses += reader.losses;
    }
    if (!file.begun) throw trouble;
    await output.finalize();
    return losses;
  } catch (error) {
    await output.cancel().catch(() => undefined);
    throw error;
  }
}

/**
 * When the first sound comes in what an encoder wrote, by the file's clock, ms: that begins with a picture or with sound,
 * whichever is first. 0 where it cannot be said.
 */
export async function soundStartMs({ first, chunks }: Take): Promise<number> {
  const reader = new WebmReader();
  let [next, bytes] = [first, 0];
  for await (const batch of chunks) {
    for (const { sequence, data } of batch) {
      const sound = reader.push(new Uint8Array(data)).find((block) => block.sound);
      bytes += data.byteLength;
      if (sequence !== next++ || reader.losses > 0 || bytes > HEAD_BYTES) return 0;
      if (sound !== undefined) return sound.timestampMs;
    }
  }
  return 0;
}

async function copyTake({ startMs, first, chunks }: Take, reader: WebmReader, file: TargetFile): Promise<void> {
  let head: Uint8Array[] | null = [];
  let waiting: Block[] = [];
  let tracks: ReadonlyMap<number, Track> = new Map();
  let next = first;
  const clock = new Clock();
  for await (const batch of chunks) {
    for (const { sequence, data } of batch) {
      if (sequence !== next) reader.lose();
      next = sequence + 1;
      const bytes = new Uint8Array(data);
      waiting.push(...reader.push(bytes));
      if (head !== null) {
        head.push(bytes);
        if (!waiting.some((block) => block.key)) {
          if (head.reduce((sum, part) => sum + part.length, 0) > HEAD_BYTES) throw new RecorderError('encoder', 'The recording has no beginning');
          continue;
        }
        // Where no sound is there yet, its packets are taken for what this muxer's always were.
        const sound = waiting.find((block) => block.sound);
        const isLate = reader.muxer === CHROMIUM.muxer && (sound === undefined || opusMs(sound.data) === CHROMIUM.packetMs);
        tracks = await file.begin(concat(head), startMs, isLate ? CHROMIUM.lateMs : 0).catch((cause: unknown) => { throw RecorderError.from(cause, 'encoder', 'The recording has no beginning'); });
        head = null;
      }
      for (const block of waiting) for (const sound of clock.check(block)) await tracks.get(sound.track)?.add(sound);
      waiting = [];
    }
  }
  if (head !== null) throw new RecorderError('encoder', 'The recording has no frames');
  for (const block of clock.rest()) await tracks.get(block.track)?.add(block);
}

/**
 * Tells a time that was bent into the future from a gap: everything after it would seem to be in the past. What leaps
 * ahead waits, and is believed when the next cluster is there as well.
 */
class Clock {
  #lastMs = 0;
  #held: Block[] = [];

  /** The blocks that can be believed now, in order. */
  check(block: Block): readonly Block[] {
    const leaps = block.timestampMs > this.#lastMs + LEAP_MS;
    const [first] = this.#held;
    const isNext = first !== undefined && block.cluster !== first.cluster;
    const agrees = leaps && isNext && block.timestampMs >= first.timestampMs - LEAP_MS;
    if (leaps && !agrees) {
      if (isNext) this.#held = []; // the next cluster knows better
      this.#held.push({ ...block, data: block.data.slice() });
      return [];
    }
    const believed = agrees ? [...this.#held, block] : [block];
    this.#held = [];
    this.#lastMs = Math.max(this.#lastMs, block.timestampMs);
    return believed;
  }

  /** What still waits at the end. */
  rest(): readonly Block[] {
    return (this.#held[0]?.timestampMs ?? Infinity) <= this.#lastMs + LAST_LEAP_MS ? this.#held : [];
  }
}

interface Track {
  add(block: Block): Promise<void>;
}

/** One of the file's tracks, which every take goes on with. */
interface Sink {
  readonly codec: VideoCodec | AudioCodec;
  /** Where the next packet is due: after the last one, by the step between the last two. Ms. */
  dueMs: number;
  /** How much sound there is, ms: what a program hears that does not look at times. */
  heardMs: number;
  write(packet: EncodedPacket, decoderConfig: VideoDecoderConfig | AudioDecoderConfig): Promise<void>;
}

class TargetFile {
  readonly #output: Output;
  readonly #options: RemuxOptions;
  #picture: Sink | null = null;
  #sound: Sink | null = null;
  begun = false;

  constructor(output: Output, options: RemuxOptions) {
    this.#output = output;
    this.#options = options;
  }

  /**
   * @param head the take up to some first frames: the codec's settings may be in them
   * @param lateMs by how much the stamps of its sound are late, if that is Opus
   */
  async begin(head: Uint8Array, startMs: number, lateMs: number): Promise<ReadonlyMap<number, Track>> {
    const input = new Input({ formats: [WEBM], source: new BufferSource(head) });
    const tracks = new Map<number, Track>();
    const further = this.begun;
    const sounds = await input.getAudioTracks();
    const codecs = await Promise.all(sounds.map((track) => track.getCodec()));
    // The sound stays where it is, in step with its stems and never before zero, and the picture goes to it.
    const pictureMs = codecs.includes('opus') ? lateMs : 0;
    // Two takes never overlap, whatever the clocks said.
    const offsetMs = Math.max(startMs, (this.#picture?.dueMs ?? 0) - pictureMs, this.#sound?.dueMs ?? 0);
    // A recorder's tracks come in the order of their first frames; some players take the first for what the file is.
    for (const track of [...await input.getVideoTracks(), ...sounds]) {
      const isPicture = track.isVideoTrack();
      const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()];
      if (codec === null || config === null || (isPicture && this.#options.soundOnly === true)) continue;
      if (!further) {
        if (isPicture) this.#picture = this.#addPicture(codec as VideoCodec);
        else this.#sound = this.#addSound(codec as AudioCodec);
      }
      const sink = isPicture ? this.#picture : this.#sound;
      if (sink?.codec !== codec) continue;
      const fill = isPicture || codec !== 'opus' ? 'nothing' : this.#options.fromZero === true ? 'gaps' : further ? 'start' : 'nothing';
      tracks.set(track.id, inOrder(sink, { offsetMs: isPicture ? offsetMs + pictureMs : offsetMs, fill }, config));
    }
    input.dispose();
    if (tracks.size === 0) throw new RecorderError('encoder', 'The recording has no track that can be read');
    if (!further) await this.#output.start();
    this.begun = true;
    return tracks;
  }

  #addPicture(codec: VideoCodec): Sink {
    const source = new EncodedVideoPacketSource(codec);
    this.#output.addVideoTrack(source);
    return { codec, dueMs: 0, heardMs: 0, write: (packet, decoderConfig) => source.add(packet, { decoderConfig: decoderConfig }) };
  }

  #addSound(codec: AudioCodec): Sink {
    const source = new EncodedAudioPacketSource(codec);
    this.#output.addAudioTrack(source);
    return { codec, dueMs: 0, heardMs: 0, write: (packet, decoderConfig) => source.add(packet, { decoderConfig: decoderConfig as AudioDecoderConfig }) };
  }
}

interface Order {
  readonly offsetMs: number;
  /** Where silence takes the place of sound that is missing: before the first packet of this take, or between any two as well. */
  readonly fill: 'nothing' | 'start' | 'gaps';
}

/** Begins, and goes on after a loss, with a key frame; what a damaged clock puts into the past is left out. */
function inOrder(sink: Sink, { offsetMs, fill }: Order, config: VideoDecoderConfig | AudioDecoderConfig): Track {
  let losses = -1;
  let last = -Infinity;
  const silence = async (fromMs: number, stepMs: number, count: number): Promise<void> => {
    for (let index = 0; index < count; index++) await sink.write(new EncodedPacket(SILENCE, 'key', (fromMs + index * stepMs) / 1000, 0), config);
    sink.heardMs += count * SILENCE_MS;
  };
  return {
    async add(block) {
      if (block.losses !== losses && !block.key) return;
      if (block.timestampMs < last || block.timestampMs < 0) return;
      const at = offsetMs + block.timestampMs;
      const isFirst = last === -Infinity;
      if (fill === 'start' && isFirst) await silence(sink.dueMs, SILENCE_MS, Math.floor((at - sink.dueMs) / SILENCE_MS));
      // Only where something is missing: the sound card's clock is not the computer's, and to fill in what that is slow by
      // would be heard. What earlier gaps left over is made up for.
      if (fill === 'gaps' && (isFirst || at - sink.dueMs >= SILENCE_MS)) {
        const count = Math.min(Math.round((at - sink.heardMs) / SILENCE_MS), Math.floor(at - sink.dueMs));
        if (count > 0) await silence(sink.dueMs, (at - sink.dueMs) / count, count);
      }
      const lengthMs = fill === 'gaps' ? opusMs(block.data) : isFirst ? SILENCE_MS : block.timestampMs - last;
      sink.dueMs = at + lengthMs;
      sink.heardMs += lengthMs;
      losses = block.losses;
      last = block.timestampMs;
      await sink.write(new EncodedPacket(block.data, block.key ? 'key' : 'delta', at / 1000, 0), config);
    },
  };
}

/** How long a packet of Opus sounds (RFC 6716, 3.1). */
function opusMs([first = 0, second = 0]: Uint8Array): number {
  const config = first >> 3;
  const lengths = config < 12 ? [10, 20, 40, 60] : config < 16 ? [10, 20, 10, 20] : [2.5, 5, 10, 20];
  const frames = [1, 2, 2, second & 0x3f][first & 3] ?? 1;
  return frames * (lengths[config & 3] ?? SILENCE_MS);
}
