// What MediaRecorder writes, read front to back in pieces of any size: one segment, its tracks, then clusters of blocks.
// A general demuxer wants to know the size of the file and to jump about in it, and takes a damaged cluster of unknown
// size (which is what Chromium writes) for the whole rest of the file.

/** One encoded frame. */
export interface Block {
  /** The track's number in the file. */
  readonly track: number;
  readonly sound: boolean;
  /** Since the start of the recording, ms. */
  readonly timestampMs: number;
  /** Sound always is: each of its frames stands alone, though Firefox marks none. */
  readonly key: boolean;
  /** A view of what was pushed: copy it to keep it. */
  readonly data: Uint8Array;
  /** How many parts of the stream were lost before this block. */
  readonly losses: number;
  /** The number of its cluster, which times are relative to. */
  readonly cluster: number;
}

const ID = {
  tracks: 0x1654ae6b, trackEntry: 0xae, trackNumber: 0xd7, trackType: 0x83, ebml: 0x1a45dfa3, segment: 0x18538067, info: 0x1549a966, timestampScale: 0x2ad7b1, muxer: 0x4d80, cluster: 0x1f43b675, timestamp: 0xe7,
  simpleBlock: 0xa3, blockGroup: 0xa0, block: 0xa1, reference: 0xfb, position: 0xa7, prevSize: 0xab, void: 0xec, crc: 0xbf,
} as const;
/** Elements before the first cluster and between clusters: seek head, info, tracks, cues, chapters, attachments, tags. */
const AROUND_CLUSTERS: ReadonlySet<number> = new Set([0x114d9b74, ID.info, ID.tracks, 0x1c53bb6b, 0x1043a770, 0x1941a469, 0x1254c367]);
const SOUND_TYPE = 2;
const IN_CLUSTERS: ReadonlySet<number> = new Set([ID.position, ID.prevSize, ID.void, ID.crc]);
/** Larger than any encoded frame: a size above it is damage, and must not be waited for. Bytes. */
const LARGEST = 16 * 2 ** 20;
/** An element's id and size take at most 4 and 8 bytes. */
const LONGEST_HEADER = 12;

interface Header {
  readonly id: number;
  /** Null is "unknown": until the next cluster. */
  readonly size: number | null;
  /** Of id and size together. */
  readonly length: number;
}

/** Takes the stream in pieces and gives the blocks that are whole. Damage costs what lies between it and the next cluster. */
export class WebmReader {
  #pending: Uint8Array = new Uint8Array();
  /** Ns per unit of the file's clock. */
  #scale = 1_000_000;
  /** Numbers of the tracks that are sound. */
  readonly #sound = new Set<number>();
  #muxer = '';
  #clusterTime: number | null = null;
  #cluster = 0;
  #searching = false;
  #losses = 0;

  /** How many parts of the stream were missing or damaged so far. */
  get losses(): number {
    return this.#losses;
  }

  /** What wrote the stream, by its own name; "Chrome" is Chromium. */
  get muxer(): string {
    return this.#muxer;
  }

  /** @param bytes the next part of the stream; must not change afterwards */
  push(bytes: Uint8Array): Block[] {
    this.#pending = this.#pending.length === 0 ? bytes : concat([this.#pending, bytes]);
    const blocks: Block[] = [];
    let at = 0;
    for (;;) {
      if (this.#searching) {
        const found = findCluster(this.#pending, at);
        // A cluster's id may lie across the border of two pieces.
        if (found === null) {
          at = Math.max(at, this.#pending.length - LONGEST_HEADER);
          break;
        }
        at = found;
        this.#searching = false;
      }
      const taken = this.#take(at, blocks);
      if (taken === null) break;
      if (taken === 'damaged') {
        this.lose();
        at++;
      } else at += taken;
    }
    this.#pending = this.#pending.subarray(at);
    return blocks;
  }

  /** A part of the stream is missing here: what had begun cannot be finished. */
  lose(): void {
    if (!this.#searching) this.#losses++;
    this.#searching = true;
    this.#clusterTime = null;
  }

  /** How many bytes are done with; null if the element is not whole yet. Containers are entered, not skipped. */
  #take(at: number, blocks: Block[]): number | 'damaged' | null {
    const header = readHeader(this.#pending, at);
    if (header === null || header === 'damaged') return header;
    const { id, size, length } = header;
    if (id === ID.segment) return length;
    if (id === ID.cluster) {
      this.#cluster++;
      this.#clusterTime = null;
      return length;
    }
    if (size === null || size > LARGEST) return 'damaged';
    const inCluster = id === ID.timestamp || id === ID.simpleBlock || id === ID.blockGroup || IN_CLUSTERS.has(id);
    if (!inCluster && id !== ID.ebml && !AROUND_CLUSTERS.has(id)) return 'damaged';
    const end = at + length + size;
    // No element of a cluster reaches into the next: its size is damaged then, or its end is missing.
    if (inCluster && findCluster(this.#pending, at + 1, end) !== null) return 'damaged';
    if (this.#pending.length < end) return null;

    const data = this.#pending.subarray(at + length, end);
    if (id === ID.info) for (const child of childrenOf(data)) {
      if (child.id === ID.timestampScale) this.#scale = number(child.data);
      if (child.id === ID.muxer) this.#muxer = new TextDecoder().decode(child.data).replace(/\0.*/s, '');
    }
    if (id === ID.tracks) for (const entry of childrenOf(data)) if (entry.id === ID.trackEntry) this.#noteTrack(childrenOf(entry.data));
    if (id === ID.timestamp) this.#clusterTime = number(data);
    if (id === ID.simpleBlock || id === ID.blockGroup) {
      const block = id === ID.simpleBlock ? this.#block(data, null) : this.#group(data);
      if (block === null) return 'damaged';
      blocks.push(block);
    }
    return length + size;
  }

  #noteTrack(children: readonly { id: number; data: Uint8Array }[]): void {
    const of = (wanted: number): number | null => children.filter(({ id }) => id === wanted).map(({ data }) => number(data))[0] ?? null;
    const track = of(ID.trackNumber);
    if (track !== null && of(ID.trackType) === SOUND_TYPE) this.#sound.add(track);
  }

  #group(data: Uint8Array): Block | null {
    const children = childrenOf(data);
    const block = children.find((child) => child.id === ID.block);
    // What else a group may hold is transparency, which no captured tab has, and durations, which follow from the times.
    return block === undefined ? null : this.#block(block.data, !children.some((child) => child.id === ID.reference));
  }

  /** @param key null if the block itself says it */
  #block(data: Uint8Array, key: boolean | null): Block | null {
    const [track = 0, high = 0, low = 0, flags = 0] = data;
    // Recorders number their tracks from one and put one frame into a block; some bits are never set: anything else is no block.
    const odd = (flags & 0b0111_0110) !== 0;
    if (data.length <= 4 || track <= 0x80 || odd || this.#clusterTime === null) return null;
    const relative = ((high << 8 | low) << 16) >> 16;
    const sound = this.#sound.has(track & 0x7f);
    return {
      track: track & 0x7f,
      sound,
      timestampMs: (this.#clusterTime + relative) * this.#scale / 1e6,
      key: (key ?? (flags & 0x80) !== 0) || sound,
      data: data.subarray(4),
      losses: this.#losses,
      cluster: this.#cluster,
    };
  }
}

/** Null if more bytes are needed to tell. */
function readHeader(bytes: Uint8Array, at: number): Header | 'damaged' | null {
  const first = bytes[at];
  if (first === undefined) return null;
  const idLength = Math.clz32(first) - 23;
  if (idLength > 4) return 'damaged';
  const second = bytes[at + idLength];
  if (second === undefined) return null;
  const sizeLength = Math.clz32(second) - 23;
  if (sizeLength > 8) return 'damaged';
  const length = idLength + sizeLength;
  if (bytes.length < at + length) return null;
  const id = number(bytes.subarray(at, at + idLength));
  const mask = 2 ** (8 - sizeLength) - 1;
  const rest = bytes.subarray(at + idLength + 1, at + length);
  const unknown = (second & mask) === mask && rest.every((byte) => byte === 0xff);
  return { id, length, size: unknown ? null : (second & mask) * 2 ** (8 * (sizeLength - 1)) + number(rest) };
}

function childrenOf(data: Uint8Array): { id: number; data: Uint8Array }[] {
  const children: { id: number; data: Uint8Array }[] = [];
  for (let at = 0; at < data.length;) {
    const header = readHeader(data, at);
    if (header === null || header === 'damaged' || header.size === null) break;
    const start = at + header.length;
    at = start + header.size;
    if (at <= data.length) children.push({ id: header.id, data: data.subarray(start, at) });
  }
  return children;
}

/** A cluster begins with its time, or with a checksum, a filler or a position: four bytes alone may be chance. */
function findCluster(bytes: Uint8Array, from: number, until = Infinity): number | null {
  for (let at = bytes.indexOf(0x1f, from); at !== -1 && at < until; at = bytes.indexOf(0x1f, at + 1)) {
    if (bytes[at + 1] !== 0x43) continue;
    const header = readHeader(bytes, at);
    if (header === null || header === 'damaged' || header.id !== ID.cluster) continue;
    const first = bytes[at + header.length];
    if (first !== undefined && (first === ID.timestamp || IN_CLUSTERS.has(first))) return at;
  }
  return null;
}

/** Big-endian. */
function number(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
