import type { ExportFormat } from './export-protocol';
import type { RecordingInfo } from './journal';

/** `chapters`: the markers, as WebVTT. */
export type SaveFormat = ExportFormat | 'chapters';

const TITLE_LENGTH = 60;

/** What a recording can be saved as; the first is what it is. */
export function formatsOf({ mimeType, stems, markers, locked }: RecordingInfo): readonly SaveFormat[] {
  if (locked) return [];
  const isWebm = /^(video|audio)\/webm/.test(mimeType);
  const formats: SaveFormat[] = ['webm'];
  if (isWebm && fitsMp4(mimeType)) formats.push('mp4');
  if (isWebm && mimeType.startsWith('video/')) formats.push('sound');
  if (stems.length > 0) formats.push('stems');
  if (markers.length > 0) formats.push('chapters');
  return formats;
}

/** VP8 has a mapping into MP4 that no common player follows. */
function fitsMp4(mimeType: string): boolean {
  return mimeType.startsWith('video/') && /avc1|h264|vp0?9|av0?1/i.test(mimeType);
}

/** "Title 2026-11-20 21-45.webm", in local time, with nothing in it that a file system or a reader could trip over. */
export function fileNameOf({ title, startedAt, mimeType }: Pick<RecordingInfo, 'title' | 'startedAt' | 'mimeType'>, format: SaveFormat = 'webm'): string {
  const date = new Date(startedAt);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${safe(title) || 'Recording'} ${day} ${two(date.getHours())}-${two(date.getMinutes())}.${extensionOf(format, mimeType)}`;
}

/** Names for the files in a zip, in order, no two alike. */
export function entryNames(names: readonly string[]): string[] {
  const width = String(names.length).length;
  return names.map((name, index) => `${String(index + 1).padStart(width, '0')} ${safe(name) || 'Participant'}.webm`);
}

function extensionOf(format: SaveFormat, mimeType: string): string {
  switch (format) {
    case 'stems': return 'zip';
    case 'chapters': return 'vtt';
    case 'mp4': return 'mp4';
    // What Safari records is given as it is.
    case 'webm':
    case 'sound': return /^(video|audio)\/mp4/.test(mimeType) ? 'mp4' : 'webm';
  }
}

function safe(title: string): string {
  const words = title
    .normalize('NFC')
    // What some file system reserves, control characters, and those that turn the direction of reading. Joiners stay:
    // Persian and emoji need them.
    // eslint-disable-next-line no-control-regex
    .replace(/[\\/:*?"<>|\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[.\s]+/, '');
  return Array.from(words).slice(0, TITLE_LENGTH).join('').trim();
}
