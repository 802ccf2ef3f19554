import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { canChooseFile, formatsOf, type RecordingInfo, type SaveFormat } from '../../recorder';
import { text } from '../i18n';
import type { Key } from '../i18n/en';
import type { RecorderControl } from '../recorder-control';

interface SaveMenuProps {
  readonly info: RecordingInfo;
  /** Which recording it is, for those who do not see where the buttons are. */
  readonly label: string;
  readonly control: RecorderControl;
  /** Whether the browser is to ask where each file goes. */
  readonly choosePlace: boolean;
}

/** A button for the usual file, and beside it a menu of all that the recording can become. */
export const SaveMenu = ({ info, label, control, choosePlace }: SaveMenuProps) => {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const formats = formatsOf(info);
  const id = `formats-${info.id}`;
  const items = (): HTMLElement[] => [...(root.current?.querySelectorAll<HTMLElement>('.menu button') ?? [])];

  useLayoutEffect(() => {
    if (!open) return;
    const [first] = items();
    first?.focus();
    root.current?.querySelector('.menu')?.scrollIntoView({ block: 'nearest' });
  }, [open]);

  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  const move = (event: KeyboardEvent): void => {
    const all = items();
    const at = all.indexOf(event.target as HTMLElement);
    const steps: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[to % all.length]?.focus();
    } else if (event.key === 'Escape') {
      event.stopPropagation(); // the panel stays
      close();
    }
  };
  return (
    <div
      class="save"
      ref={root}
      onFocusOut={({ relatedTarget }) => {
        if (!(relatedTarget instanceof Node && root.current?.contains(relatedTarget))) setOpen(false);
      }}
    >
      <div class="split">
        <button class="button" type="button" aria-label={`${text('recordDownload')}: ${label}`} onClick={() => void control.save(info.id)}>
          {text('recordDownload')}
        </button>
        {(formats.length > 1 || canChooseFile()) && (
          <button
            class="button more"
            type="button"
            ref={button}
            aria-label={`${text('saveMore')}: ${label}`}
            title={text('saveMore')}
            aria-haspopup="menu"
            aria-expanded={open}
            aria-controls={open ? id : undefined}
            onClick={() => (open ? close() : setOpen(true))}
            onKeyDown={(event) => {
              if (open || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return;
              event.preventDefault();
              setOpen(true);
            }}
          >
            <svg width="12" height="12" viewBox="0 0 16 16" aria-hidden="true">
              <path d="M3 6l5 5 5-5" stroke="currentColor" stroke-width="2" fill="none" stroke-linecap="round" stroke-linejoin="round" />
            </svg>
          </button>
        )}
      </div>
      {open && (
        <div class="menu" role="menu" id={id} aria-label={text('saveMore')} onKeyDown={move}>
          {formats.map((format) => {
            const { name, kind } = describe(info, format);
            return (
              <button
                key={format}
                type="button"
                role="menuitem"
                tabIndex={-1}
                data-format={format}
                onClick={() => {
                  close();
                  void control.save(info.id, format);
                }}
              >
                <span>{text(name)}</span>
                <span class="hint">{kind}</span>
              </button>
            );
          })}
          {canChooseFile() && (
            <button class="choice" type="button" role="menuitemcheckbox" tabIndex={-1} aria-checked={choosePlace} onClick={() => control.choosePlace(!choosePlace)}>
              <span>{text('saveChoose')}</span>
              <span class="check" aria-hidden="true">
                {choosePlace ? '✓' : ''}
              </span>
            </button>
          )}
        </div>
      )}
    </div>
  );
};

/** `kind` is what people who need to know call it. */
const describe = ({ mimeType }: RecordingInfo, format: SaveFormat): { readonly name: Key; readonly kind: string } => {
  // What Safari records is given as it is.
  const container = /^(video|audio)\/mp4/.test(mimeType) ? 'MP4' : 'WebM';
  switch (format) {
    case 'webm':
      return { name: mimeType.startsWith('audio/') ? 'saveSound' : 'saveVideo', kind: container };
    case 'mp4':
      return { name: 'saveVideo', kind: 'MP4' };
    case 'sound':
      return { name: 'saveSound', kind: container };
    case 'stems':
      return { name: 'saveStems', kind: 'ZIP' };
    case 'chapters':
      return { name: 'saveChapters', kind: 'WebVTT' };
  }
};
