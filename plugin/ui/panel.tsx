import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { text } from '../i18n';

interface PanelProps {
  readonly id: string;
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A dialog beside the meeting, not over it: focus goes in and comes back, Escape and a click outside close it. */
export const Panel = ({ id, title, onClose, children }: PanelProps) => {
  const ref = useRef<HTMLDivElement>(null);

  // With the drawing, not a frame after it: a key pressed meanwhile would go to the meeting, where M mutes.
  useLayoutEffect(() => {
    const panel = ref.current;
    const before = document.activeElement as HTMLElement | null;
    const first = ['input:checked', '.wide:not(:disabled), .stop', 'button'].map((each) => panel?.querySelector<HTMLElement>(each)).find((found) => found);
    first?.focus();
    const onPointer = (event: PointerEvent): void => {
      // The click that opened the panel has been dealt with; a later one outside of it closes.
      if (panel && !event.composedPath().includes(panel)) onClose();
    };
    document.addEventListener('pointerdown', onPointer, true);
    return () => {
      document.removeEventListener('pointerdown', onPointer, true);
      if (panel?.isConnected !== true || panel.contains((panel.getRootNode() as ShadowRoot).activeElement)) before?.focus();
    };
  }, []);

  return (
    <div
      class="panel"
      role="dialog"
      aria-labelledby={id}
      ref={ref}
      onKeyDown={(event) => {
        // The meeting's own shortcuts must not hear what is typed here.
        event.stopPropagation();
        if (event.key === 'Escape') onClose();
      }}
    >
      <div class="head">
        <h2 id={id}>{title}</h2>
        <button class="icon" type="button" aria-label={text('close')} onClick={onClose}>
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
          </svg>
        </button>
      </div>
      {children}
    </div>
  );
};
