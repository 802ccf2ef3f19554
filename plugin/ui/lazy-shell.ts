import type { EffectsControl } from '../effects-control';
import type { RecorderControl } from '../recorder-control';
import type { PanelName, Shell } from './shell';

/**
 * The shell, fetched once the meeting has its page: half of our script is panels, and the camera waits for none of them.
 *
 * A file that does not come is reported each time it is asked for, and asked for anew the next time.
 */
export class LazyShell {
  readonly #make: (made: typeof Shell) => Shell;
  readonly #onMissing: (error: unknown) => void;
  #shell: Promise<Shell> | undefined;

  constructor(effects: EffectsControl | undefined, recorder: RecorderControl | undefined, onMissing: (error: unknown) => void) {
    this.#make = (made) => new made(effects, recorder);
    this.#onMissing = onMissing;
  }

  mount(): void {
    this.#with((shell) => shell.mount());
  }

  toggle(panel: PanelName): void {
    this.#with((shell) => shell.toggle(panel));
  }

  show(panel: PanelName): void {
    this.#with((shell) => shell.show(panel));
  }

  close(): void {
    // What was never fetched is not open.
    if (this.#shell) this.#with((shell) => shell.close());
  }

  #with(act: (shell: Shell) => void): void {
    this.#shell ??= import(/* webpackChunkName: "panels" */ './shell').then(({ Shell: made }) => this.#make(made));
    this.#shell.then(act).catch((error: unknown) => {
      this.#shell = undefined;
      this.#onMissing(error);
    });
  }
}
