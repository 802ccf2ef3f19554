import { BlobSource, EncodedPacketSink, Input, MATROSKA, MP4, QTFF, WEBM } from 'mediabunny';
import type { PictureSource } from '../spec';
import { EffectError } from '../spec';
import { MAX_CLIP_BYTES } from './limits';
import { openSource } from './source';

/** No camera sends more. */
const MAX_PIXELS = 1920 * 1088;

/** One encoded picture; times in microseconds from the clip's start. */
interface Packet {
  readonly type: 'key' | 'delta';
  readonly timestamp: number;
  readonly duration: number;
  readonly data: Uint8Array;
}

/** A short video, taken out of its container. */
export interface Clip {
  readonly config: VideoDecoderConfig;
  /** In the order of decoding, beginning with a key picture; none is missing. */
  readonly packets: readonly Packet[];
  /** Microseconds. */
  readonly duration: number;
  /** Degrees clockwise by which its pictures have to be turned to be upright. */
  readonly rotation: number;
}

/**
 * @param source WebM, Matroska, MP4 or QuickTime; its sound is left out
 * @throws EffectError `picture-unavailable` for what is no such file, or too large; `video-unsupported` where this
 * browser does not decode it
 */
export const readClip = async (source: PictureSource): Promise<Clip> => {
  if (typeof VideoDecoder === 'undefined') throw new EffectError('video-unsupported', 'this browser decodes no video in workers');
  let clip: Clip;
  try {
    clip = await demux(await openSource(source, MAX_CLIP_BYTES));
  } catch (error) {
    throw new EffectError('picture-unavailable', error);
  }
  const { supported } = await VideoDecoder.isConfigSupported(clip.config).catch(() => ({ supported: false }));
  if (supported !== true) throw new EffectError('video-unsupported', `this browser does not decode ${clip.config.codec}`);
  return clip;
};

const demux = async (file: Blob): Promise<Clip> => {
  const input = new Input({ formats: [WEBM, MATROSKA, MP4, QTFF], source: new BlobSource(file) });
  try {
    const track = await input.getPrimaryVideoTrack();
    const config = await track?.getDecoderConfig();
    if (!track || !config) throw new Error('there is no picture in the file');
    if ((await track.getCodedWidth()) * (await track.getCodedHeight()) > MAX_PIXELS) throw new Error('the picture is larger than 1920 x 1088');
    const sink = new EncodedPacketSink(track);
    const packets: Packet[] = [];
    for await (const { type, timestamp, duration, data } of sink.packets((await sink.getFirstKeyPacket()) ?? undefined)) {
      packets.push({ type, timestamp: Math.round(timestamp * 1e6), duration: Math.round(duration * 1e6), data });
    }
    const start = Math.min(...packets.map((packet) => packet.timestamp));
    const last = Math.max(...packets.map((packet) => packet.timestamp)) - start;
    const end = Math.max(...packets.map((packet) => packet.timestamp + packet.duration)) - start;
    // A last picture of unknown length stays as long as the others do on average; a single one, a second.
    const duration = end > last ? end : packets.length > 1 ? (last * packets.length) / (packets.length - 1) : 1e6;
    if (!Number.isFinite(duration)) throw new Error('there is no picture in the file');
    return { config, packets: packets.map((packet) => ({ ...packet, timestamp: packet.timestamp - start })), duration, rotation: await track.getRotation() };
  } finally {
    input.dispose();
  }
};
