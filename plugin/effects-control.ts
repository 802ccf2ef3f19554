import type { EffectFailure, EffectSpec, EffectState, EffectTrack } from '../effects';
import { EffectError, Effects, isMirrored } from '../effects';
import type { Config, EffectChoice } from './config';
import { EFFECT_CHOICES } from './config';
import type { GateKeeper } from './gate';
import { text } from './i18n';
import { Observable } from './observable';

const STORAGE_KEY = 'greenroom.effect';

const SPECS: Readonly<Record<EffectChoice, EffectSpec>> = {
  off: { kind: 'none' },
  'slight-blur': { kind: 'blur', strength: 0.3 },
  blur: { kind: 'blur', strength: 0.8 },
};

/** What the effects are doing, as people see it. `idle`: chosen, but no camera is on. */
export type EffectsStatus =
  | { readonly kind: 'off' | 'idle' | 'starting' | 'on' }
  | { readonly kind: 'failed'; readonly failure: EffectFailure };

export interface EffectsView {
  readonly choice: EffectChoice;
  readonly status: EffectsStatus;
}

/** One choice for all cameras of the page. */
export class EffectsControl implements GateKeeper {
  readonly view: Observable<EffectsView>;
  readonly #effects = new Effects();
  readonly #remember: boolean;
  /** What people may choose from. */
  readonly choices: readonly EffectChoice[];
  readonly #tracks = new Map<EffectTrack, EffectState>();

  constructor(config: Config['effects']) {
    this.#remember = config.remember;
    this.choices = config.privacy === 'required' ? EFFECT_CHOICES.filter((each) => each !== 'off') : EFFECT_CHOICES;
    const wanted = (config.remember ? recall() : undefined) ?? config.default;
    const choice = this.choices.includes(wanted) ? wanted : 'blur';
    this.view = new Observable<EffectsView>({ choice, status: { kind: choice === 'off' ? 'off' : 'idle' } });
  }

  guard(camera: MediaStreamTrack): MediaStreamTrack {
    if (isMirrored(camera)) return camera;
    const { choice } = this.view.value;
    // Without the means to show an effect the camera may pass only by the user's own choice.
    if (!Effects.supported && choice === 'off') return camera;
    try {
      const effectTrack = this.#effects.process(camera, {
        spec: SPECS[choice],
        allowRaw: this.rawAllowed,
        cover: { title: text('coverTitle'), detail: text('coverDetail') },
        onState: (state) => {
          if (state.kind === 'ended') this.#tracks.delete(effectTrack);
          else this.#tracks.set(effectTrack, state);
          this.#refresh();
        },
      });
      this.#tracks.set(effectTrack, effectTrack.state);
      this.#refresh();
      return effectTrack.track;
    } catch (error) {
      if (error instanceof EffectError) this.view.set({ choice, status: { kind: 'failed', failure: error.failure } });
      throw error;
    }
  }

  /** Whether the camera may be shown as it is, if the user wants it. */
  get rawAllowed(): boolean {
    return this.choices.includes('off');
  }

  choose(choice: EffectChoice): void {
    if (!this.choices.includes(choice)) return;
    if (this.#remember) remember(choice);
    this.view.set({ choice, status: { kind: choice === 'off' ? 'off' : 'idle' } });
    for (const track of this.#tracks.keys()) track.update(SPECS[choice]);
    this.#refresh();
  }

  /** Starts the chosen effect once more after a failure. */
  retry(): void {
    this.choose(this.view.value.choice);
  }

  #refresh(): void {
    const { choice } = this.view.value;
    this.view.set({ choice, status: statusOf(choice, [...this.#tracks.values()]) });
  }
}

const statusOf = (choice: EffectChoice, states: readonly EffectState[]): EffectsStatus => {
  if (choice === 'off') return { kind: 'off' };
  for (const state of states) if (state.kind === 'failed') return { kind: 'failed', failure: state.failure };
  if (states.length === 0) return { kind: 'idle' };
  return { kind: states.every((state) => state.kind === 'running') ? 'on' : 'starting' };
};

/** Storage may be refused, as in a private window or a third-party frame: the choice then lasts as long as the page. */
const recall = (): EffectChoice | undefined => {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return EFFECT_CHOICES.find((choice) => choice === stored);
  } catch {
    return undefined;
  }
};

const remember = (choice: EffectChoice): void => {
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // As above.
  }
};
