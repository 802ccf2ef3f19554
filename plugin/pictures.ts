import { EffectError, inspectVideo, MAX_CLIP_BYTES } from '../effects';
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

/** Why a file was not taken. `storage`: this browser keeps nothing, as in a private window, or its disk is full. */
export type Refusal = 'too-large' | 'not-a-picture' | 'too-many' | 'video-too-large' | 'not-a-video' | 'video-unsupported' | 'too-many-videos' | 'storage';

export class RefusedPicture extends Error {
  override readonly name = 'RefusedPicture';

  constructor(readonly refusal: Refusal, cause?: unknown) {
    super(refusal, { cause });
  }
}

export interface OwnPicture {
  readonly id: string;
  readonly name: string;
  readonly addedAt: number;
  readonly data: Blob;
  /** Of a video alone: its first picture. */
  readonly poster?: Blob;
}

interface Schema extends DBSchema {
  pictures: { key: string; value: OwnPicture };
}

/** Size of a picture's file that is taken in, bytes. What is kept is far smaller. */
export const MAX_FILE_BYTES = 15e6;
/** Pictures and videos that are kept at most. */
export const MAX_PICTURES = 12;
/** Videos among them. */
export const MAX_VIDEOS = 3;
/** No camera sends more, so no more is kept, pixels. */
const WIDTH = 1920;
const HEIGHT = 1080;

/** The user's own backgrounds, in this browser only. */
export class OwnPictures {
  /** @returns oldest first; @throws RefusedPicture `storage` */
  async list(): Promise<OwnPicture[]> {
    const all = await this.#use((database) => database.getAll('pictures'));
    return all.sort((a, b) => a.addedAt - b.addedAt);
  }

  /**
   * Keeps a picture, made as small as a background needs; what else is in the file, such as the place where a photo was
   * taken, is left behind. A video is kept as it is.
   *
   * @throws RefusedPicture
   */
  async add(file: File): Promise<OwnPicture> {
    const content = file.type.startsWith('video/') ? await withPoster(file) : { data: await smaller(file) };
    const picture: OwnPicture = { id: crypto.randomUUID(), name: file.name.replace(/\.\w+$/, ''), addedAt: Date.now(), ...content };
    const kept = await this.list();
    if (kept.length >= MAX_PICTURES) throw new RefusedPicture('too-many');
    if (picture.poster && kept.filter(({ poster }) => poster).length >= MAX_VIDEOS) throw new RefusedPicture('too-many-videos');
    await this.#use((database) => database.put('pictures', picture));
    return picture;
  }

  /** @throws RefusedPicture `storage` */
  async remove(id: string): Promise<void> {
    await this.#use((database) => database.delete('pictures', id));
  }

  /** Opened for each question: they are rare, and a database that is not open stands in nobody's way. */
  async #use<T>(question: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    try {
      const database = await openDB<Schema>('greenroom-pictures', 1, {
        upgrade: (fresh) => void fresh.createObjectStore('pictures', { keyPath: 'id' }),
      });
      try {
        return await question(database);
      } finally {
        database.close();
      }
    } catch (error) {
      throw new RefusedPicture('storage', error);
    }
  }
}

const withPoster = async (file: File): Promise<{ data: Blob; poster: Blob }> => {
  if (file.size > MAX_CLIP_BYTES) throw new RefusedPicture('video-too-large');
  try {
    return { data: file, poster: await inspectVideo(file) };
  } catch (error) {
    throw new RefusedPicture(error instanceof EffectError && error.failure.code === 'video-unsupported' ? 'video-unsupported' : 'not-a-video', error);
  }
};

const smaller = async (file: File): Promise<Blob> => {
  if (file.size > MAX_FILE_BYTES) throw new RefusedPicture('too-large');
  return shrink(file).catch((error: unknown) => {
    throw new RefusedPicture('not-a-picture', error);
  });
};

const shrink = async (file: Blob): Promise<Blob> => {
  const bitmap = await createImageBitmap(file);
  try {
    const scale = Math.min(1, Math.max(WIDTH / bitmap.width, HEIGHT / bitmap.height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('no 2D canvas');
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.88 });
  } finally {
    bitmap.close();
  }
};
