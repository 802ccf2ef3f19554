import { render } from 'preact';
import type { EffectsControl } from '../effects-control';
import { Observable } from '../observable';
import type { RecorderControl } from '../recorder-control';
import { EffectsPanel } from './effects-panel';
import { RecordingPill, RecordingsPanel } from './recordings-panel';
import { styles } from './styles';
import { useObservable } from './use-observable';

export type PanelName = 'effects' | 'recordings';

/** Everything people see of us, in one shadow root: the meeting's styles and ours cannot touch each other. */
export class Shell {
  readonly #open = new Observable<PanelName | null>(null);
  readonly #effects: EffectsControl | undefined;
  readonly #recorder: RecorderControl | undefined;
  #mounted = false;

  constructor(effects: EffectsControl | undefined, recorder: RecorderControl | undefined) {
    this.#effects = effects;
    this.#recorder = recorder;
  }

  /** Draws into the page; once there is a body. Does nothing a second time. */
  mount(): void {
    if (this.#mounted) return;
    this.#mounted = true;
    const host = document.createElement('div');
    host.id = 'greenroom';
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    root.adoptedStyleSheets = [sheet];
    document.body.append(host);
    render(<Root open={this.#open} effects={this.#effects} recorder={this.#recorder} />, root);
  }

  toggle(panel: PanelName): void {
    this.mount();
    this.#open.set(this.#open.value === panel ? null : panel);
  }

  close(): void {
    this.#open.set(null);
  }

  show(panel: PanelName): void {
    this.mount();
    this.#open.set(panel);
  }
}

interface RootProps {
  readonly open: Observable<PanelName | null>;
  readonly effects: EffectsControl | undefined;
  readonly recorder: RecorderControl | undefined;
}

const Root = ({ open, effects, recorder }: RootProps) => {
  const panel = useObservable(open);
  const close = (): void => open.set(null);
  return (
    <div class="root">
      {recorder && <RecordingPill control={recorder} />}
      {panel === 'effects' && effects && <EffectsPanel control={effects} onClose={close} />}
      {panel === 'recordings' && recorder && <RecordingsPanel control={recorder} onClose={close} />}
    </div>
  );
};
