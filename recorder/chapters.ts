import type { Marker } from './journal';

/** A WebVTT file whose cues are the chapters between markers (W3C WebVTT, chapter cues). The WebM and MP4 writers know no chapters. */
export function chaptersOf(markers: readonly Marker[], durationMs: number): string {
  const sorted = [...markers].filter(({ atMs }) => atMs < durationMs).sort((a, b) => a.atMs - b.atMs);
  const cues = sorted.map(({ atMs, label }, index) => {
    const end = sorted.slice(index + 1).find((next) => next.atMs > atMs)?.atMs ?? durationMs;
    return `${index + 1}\n${timestamp(atMs)} --> ${timestamp(end)}\n${escaped(label) || String(index + 1)}\n`;
  });
  return ['WEBVTT\n', ...cues].join('\n');
}

function timestamp(ms: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`;
}

/** A line of its own, in which nothing is markup. */
function escaped(label: string): string {
  return label.replace(/\s+/g, ' ').trim().replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
