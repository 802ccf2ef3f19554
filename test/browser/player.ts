// A finished file in a real video element.
import { decodeMark } from '../tools/marks';

/** The one that was made last for a download. */
export async function lastExport(): Promise<File> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('greenroom-exports');
  let last: File | null = null;
  for await (const handle of folder.values()) {
    const file = await (handle as FileSystemFileHandle).getFile();
    if (last === null || file.lastModified >= last.lastModified) last = file;
  }
  if (last === null) throw new Error('Nothing was exported');
  return last;
}

/** Resolves when it can play. The caller closes it. The page's policy must allow `media-src blob:`. */
export async function openPlayer(file: File): Promise<HTMLVideoElement> {
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  video.preload = 'auto';
  video.src = URL.createObjectURL(file);
  await played(video, 'canplay');
  return video;
}

export function closePlayer(video: HTMLVideoElement): void {
  URL.revokeObjectURL(video.src);
  video.remove();
}

/** Resolves when the picture at this time (s) is the one that shows. */
export async function seek(video: HTMLVideoElement, seconds: number): Promise<void> {
  const arrived = played(video, 'seeked');
  video.currentTime = seconds;
  await arrived;
}

/** Plays it from its start at this rate. Answers where it ended, s. */
export async function playToEnd(video: HTMLVideoElement, rate: number): Promise<number> {
  await seek(video, 0);
  const ended = played(video, 'ended');
  video.playbackRate = rate;
  await video.play();
  await ended;
  return video.currentTime;
}

/** The number that is painted in the picture that shows; null if it cannot be read. */
export function shownMark(video: HTMLVideoElement): number | null {
  const { videoWidth: width, videoHeight: height } = video;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) return null;
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  // Marks are grey: any colour says how light they are.
  return decodeMark(Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 1]!), width, height, width)?.frame ?? null;
}

/** @throws what the element says is wrong with the file */
function played(video: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener(event, () => resolve(), { once: true });
    video.addEventListener('error', () => reject(new Error(`The file does not play: ${video.error?.message ?? 'no reason given'}`)), { once: true });
  });
}
