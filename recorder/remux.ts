import { BufferSource, EncodedAudioPacketSource, EncodedPacket, EncodedVideoPacketSource, Input, Output, StreamTarget, WEBM, WebMOutputFormat, type StreamTargetChunk } from 'mediabunny';
import { RecorderError } from './errors';
import type { StoredChunk } from './journal';
import { concat, WebmReader, type Block } from './webm';

/** Writes go out in pieces of this size, and two of them are in memory. Bytes. */
const WRITE_BYTES = 2 ** 20;
/** The tracks are described, and the first frames found, well before this; otherwise the start is lost. Bytes. */
const HEAD_BYTES = 8 * 2 ** 20;

/**
 * Puts a recording's frames, as they are, into a WebM that says how long it is and where to find each moment. Holds a few
 * chunks in memory, whatever the length. What is damaged is left out: the picture goes on with the next key frame.
 * @returns how many parts were left out
 * @throws RecorderError `encoder` if there is nothing in it that could be written; and what reading and writing throw
 */
export async function remux(chunks: AsyncIterable<readonly StoredChunk[]>, writable: WritableStream<StreamTargetChunk>): Promise<number> {
  const reader = new WebmReader();
  const output = new Output({ format: new WebMOutputFormat(), target: new StreamTarget(writable, { chunked: true, chunkSize: WRITE_BYTES }) });
  let head: Uint8Array[] | null = [];
  let waiting: Block[] = [];
  let tracks: ReadonlyMap<number, Track> = new Map();
  let next = 0;
  try {
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
          tracks = await addTracks(output, concat(head)).catch((cause: unknown) => { throw RecorderError.from(cause, 'encoder', 'The recording has no beginning'); });
          await output.start();
          head = null;
        }
        for (const block of waiting) await tracks.get(block.track)?.add(block);
        waiting = [];
      }
    }
    if (head !== null) throw new RecorderError('encoder', 'The recording has no frames');
    await output.finalize();
    return reader.losses;
  } catch (error) {
    await output.cancel().catch(() => undefined);
    throw error;
  }
}

interface Track {
  add(block: Block): Promise<void>;
}

/** @param head the stream up to some first frames: the codec's settings may be in them */
async function addTracks(output: Output, head: Uint8Array): Promise<ReadonlyMap<number, Track>> {
  const input = new Input({ formats: [WEBM], source: new BufferSource(head) });
  const tracks = new Map<number, Track>();
  // A recorder's tracks come in the order of their first frames; some players take the first for what the file is.
  for (const track of [...await input.getVideoTracks(), ...await input.getAudioTracks()]) {
    if (track.isVideoTrack()) {
      const [codec, decoderConfig] = [await track.getCodec(), await track.getDecoderConfig()];
      if (codec === null || decoderConfig === null) continue;
      const source = new EncodedVideoPacketSource(codec);
      output.addVideoTrack(source);
      tracks.set(track.id, inOrder('video', (packet) => source.add(packet, { decoderConfig })));
    } else {
      const [codec, decoderConfig] = [await track.getCodec(), await track.getDecoderConfig()];
      if (codec === null || decoderConfig === null) continue;
      const source = new EncodedAudioPacketSource(codec);
      output.addAudioTrack(source);
      tracks.set(track.id, inOrder('audio', (packet) => source.add(packet, { decoderConfig })));
    }
  }
  input.dispose();
  if (tracks.size === 0) throw new RecorderError('encoder', 'The recording has no track that can be read');
  return tracks;
}

/** Begins, and goes on after a loss, with a key frame; what a damaged clock puts into the past is left out. */
function inOrder(kind: 'video' | 'audio', write: (packet: EncodedPacket) => Promise<void>): Track {
  let last = -Infinity;
  let losses = -1;
  return {
    async add(block) {
      // Firefox marks no sound as a key frame, though each stands alone.
      const key = block.key || kind === 'audio';
      if (block.losses !== losses && !key) return;
      if (block.timestampMs < last || block.timestampMs < 0) return;
      losses = block.losses;
      last = block.timestampMs;
      await write(new EncodedPacket(block.data, key ? 'key' : 'delta', block.timestampMs / 1000, 0));
    },
  };
}
