import type { JSX } from 'preact';

/** 24 x 24 line icons, drawn for this page. */
const paths = {
  microphone: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6',
  microphoneOff: 'M9 9v2a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.7-1.3M6 11a6 6 0 0 0 9.3 5M18 11a6 6 0 0 1-.5 2.4M12 17v4M9 21h6M4 4l16 16',
  camera: 'M4 7h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zM15 11l6-3.5v9L15 13',
  cameraOff: 'M9 7h4a2 2 0 0 1 2 2v4M14 16.7a2 2 0 0 1-1 .3H4a2 2 0 0 1-2-2V9a2 2 0 0 1 1.7-2M15 11l6-3.5v9l-3-1.8M4 4l16 16',
  share: 'M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM8 21h8M12 14V8M9.5 10.5 12 8l2.5 2.5',
  background: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 8.5h.01',
  hangup: 'M3.5 15.5c-1.6-5 15.4-5 17 0l-.8 2.2-4.2-.9-.6-2.9a10 10 0 0 0-5.8 0l-.6 2.9-4.2.9z',
  chevron: 'M7 14l5-5 5 5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6 6 18',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
