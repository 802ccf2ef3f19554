import { makeZip } from 'client-zip';
import type { StreamTargetChunk } from 'mediabunny';
import { RecorderError } from './errors';

/** A file that is made anew each time it is asked for, the same each time, by writes that may go back. */
type Make = (writable: WritableStream<StreamTargetChunk>) => Promise<unknown>;

/** A text, or a file that is made while the archive is. */
export interface Entry {
  readonly name: string;
  readonly content: string | Make;
}

/** A zip of these, without compression, as a stream. Holds a few megabytes, whatever the size. */
export function zip(entries: Iterable<Entry>, modified: Date): ReadableStream<Uint8Array> {
  function* files(): Generator<{ name: string; lastModified: Date; input: string | AsyncIterable<Uint8Array> }, void, undefined> {
    for (const { name, content } of entries) yield { name, lastModified: modified, input: typeof content === 'string' ? content : frontToBack(content) };
  }
  return makeZip(files());
}

/**
 * A writer of media goes back to fill in lengths and places it learns later, which a stream cannot. So the file is made
 * twice: once to see what is filled in, once to send it with that in place.
 */
async function* frontToBack(make: Make): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const corrections: { position: number; data: Uint8Array }[] = [];
  let length = 0;
  await make(new WritableStream({
    write({ data, position }) {
      if (position < length) corrections.push({ position, data: data.slice(0, length - position) });
      length = Math.max(length, position + data.length);
    },
  }));

  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const sink = writable.getWriter();
  let sent = 0;
  const making = make(new WritableStream({
    async write({ data, position }) {
      if (position > sent) throw new RecorderError('encoder', 'The file has a hole');
      if (position + data.length <= sent) return;
      const fresh = data.slice(sent - position);
      for (const correction of corrections) {
        const from = Math.max(correction.position, sent);
        const to = Math.min(correction.position + correction.data.length, sent + fresh.length);
        if (from < to) fresh.set(correction.data.subarray(from - correction.position, to - correction.position), from - sent);
      }
      sent += fresh.length;
      await sink.write(fresh);
    },
  })).then(() => sink.close(), (error: unknown) => sink.abort(error));
  yield* readable;
  await making;
}
