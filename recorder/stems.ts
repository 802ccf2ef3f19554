import { RecorderError } from './errors';
import type { JournalWriter } from './journal';
import { FADE_MS, type Mix } from './mix';
import type { Person } from './people';

/** What an encoder of sound alone may write: the export reads no other. */
const mimeTypes = ['audio/webm;codecs=opus', 'audio/webm'];

export interface StemOptions {
  readonly audioBitsPerSecond: number;
  readonly timesliceMs: number;
  /** How much has been recorded, ms: the clock that all stems are laid on. */
  readonly clock: () => number;
  /** A chunk was handed to the journal; settles when it is safe, or not. */
  readonly onChunk: (written: Promise<void>) => void;
}

interface Running {
  readonly encoder: MediaRecorder;
  readonly stopped: Promise<unknown>;
  /** Whoever left is given the time to fade out, and may be back before. */
  leaving: ReturnType<typeof setTimeout> | null;
}

/**
 * One file of sound per person, beside the mix. Each has an encoder of its own, from the first time they can be heard until
 * they leave; meanwhile it encodes whatever tracks they have, or silence. Who comes back goes on in a further take of the
 * same stem.
 */
export class Stems {
  readonly #mimeType: string;
  readonly #running = new Map<string, Running>();
  /** Ids of those who have a stem, by the ids they came with, and the names they had. */
  readonly #stems = new Map<string, string>();
  #paused = false;
  #ended = false;
  #people: readonly Person[] = [];

  /** @throws RecorderError `unsupported` */
  constructor(private readonly mix: Mix, private readonly writer: JournalWriter, private readonly options: StemOptions) {
    this.#mimeType = mimeTypeOfStems();
    for (const { participant } of writer.info.stems) this.#stems.set(participant, participant);
  }

  /** Begins and ends what these people need; call it once the encoder of the mix runs, and whenever they change. */
  follow(people: readonly Person[]): void {
    if (this.#ended) return;
    this.#people = people;
    const there = new Map(people.map((person) => [person.id, person]));
    for (const [id, running] of this.#running) {
      if (there.has(id)) {
        if (running.leaving !== null) clearTimeout(running.leaving);
        running.leaving = null;
      } else running.leaving ??= setTimeout(() => stop(running.encoder), FADE_MS);
    }
    // A pause begins nothing: the first frame would be the one after it, and the clock stands still.
    if (!this.#paused) for (const person of people) if ((person.audio ?? []).length > 0 && !this.#running.has(person.id)) this.#begin(person);
  }

  pause(): void {
    this.#paused = true;
    for (const { encoder } of this.#running.values()) {
      if (encoder.state !== 'recording') continue;
      encoder.pause();
      encoder.requestData();
    }
  }

  resume(): void {
    this.#paused = false;
    for (const { encoder } of this.#running.values()) if (encoder.state === 'paused') encoder.resume();
    this.follow(this.#people);
  }

  /** Resolves when every last chunk was handed to the journal. */
  async stop(): Promise<void> {
    this.#ended = true;
    const ending = [...this.#running.values()];
    for (const { encoder, leaving } of ending) {
      if (leaving !== null) clearTimeout(leaving);
      stop(encoder);
    }
    await Promise.all(ending.map(({ stopped }) => stopped));
  }

  #begin(person: Person): void {
    const { audioBitsPerSecond, timesliceMs, clock, onChunk } = this.options;
    const { id, name } = person;
    let encoder: MediaRecorder;
    try {
      encoder = new MediaRecorder(new MediaStream([this.mix.branch(id)]), { mimeType: this.#mimeType, audioBitsPerSecond });
      encoder.start(timesliceMs);
    } catch (error) {
      // The mix has them as well: one encoder too many is not the recording's end.
      console.warn('[greenroom] a stem could not begin:', error);
      this.mix.endBranch(id);
      return;
    }
    const stem = this.writer.addStem({ participant: this.#stemOf(person), name, mimeType: this.#mimeType, startMs: clock() });
    encoder.addEventListener('dataavailable', ({ data }) => {
      if (data.size > 0) onChunk(this.writer.append(data, clock(), stem));
    });
    encoder.addEventListener('error', (event) => console.warn('[greenroom] a stem ended early:', event));
    const stopped = new Promise<unknown>((resolve) => encoder.addEventListener('stop', resolve, { once: true })).then(() => {
      this.#running.delete(id);
      this.mix.endBranch(id);
    });
    this.#running.set(id, { encoder, stopped, leaving: null });
  }

  /** A meeting may know somebody who comes back by another id: the name tells, if nobody else has that stem now. */
  #stemOf({ id, name }: Person): string {
    const known = this.#stems.get(id);
    if (known !== undefined) return known;
    const taken = new Set([...this.#running.keys(), ...this.#people.map((each) => each.id)].flatMap((each) => this.#stems.get(each) ?? []));
    const left = name === '' ? undefined : this.writer.info.stems.find((stem) => stem.name === name && !taken.has(stem.participant));
    const stem = left?.participant ?? id;
    this.#stems.set(id, stem);
    return stem;
  }
}

/** @throws RecorderError `unsupported` */
export function mimeTypeOfStems(): string {
  const mimeType = typeof MediaRecorder === 'undefined' ? undefined : mimeTypes.find((type) => MediaRecorder.isTypeSupported(type));
  if (mimeType === undefined) throw new RecorderError('unsupported', 'This browser cannot encode stems');
  return mimeType;
}

function stop(encoder: MediaRecorder): void {
  if (encoder.state !== 'inactive') encoder.stop();
}
