import type { Key } from './en';
import { en } from './en';

/** The sentence for `key` with its `{names}` filled in. */
export const text = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
  en[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));

/** A length of time as people write it: 0:07, 12:34, 1:02:03. */
export const duration = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
};

/** A day as people write it; with the time of day where it is less than two days off. */
export const day = (epochMs: number): string =>
  new Date(epochMs).toLocaleString(undefined, { dateStyle: 'medium', ...(Math.abs(epochMs - Date.now()) < 48 * 3_600_000 ? { timeStyle: 'short' } : {}) });

/** An amount of data in decimal units. */
export const size = (bytes: number): string =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
