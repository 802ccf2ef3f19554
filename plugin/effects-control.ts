import type { EffectFailure, EffectSpec, EffectState, EffectTrack } from '../effects';
import { EffectError, Effects, isMirrored } from '../effects';
import type { Background } from './backgrounds';
import { offeredBackgrounds } from './backgrounds';
import type { Config, EffectChoice } from './config';
import { EFFECT_CHOICES } from './config';
import type { GateKeeper } from './gate';
import type { AppBackground, BackgroundFollower } from './jitsi/virtual-background';
import { text } from './i18n';
import { Observable } from './observable';
import type { OwnPicture, Refusal } from './pictures';
import { OwnPictures, RefusedPicture } from './pictures';

const STORAGE_KEY = 'greenroom.effect';
/** What the remembered choice of an own picture begins with. */
const OWN = 'own:';
/** A picture of the application's own dialog; it is not remembered here. */
const FROM_APP = 'app:';
/** The application's blurs are of 8 and 25 pixels. */
const SLIGHT_PIXELS = 16;

const SPECS: Readonly<Record<EffectChoice, EffectSpec>> = {
  off: { kind: 'none' },
  'slight-blur': { kind: 'blur', strength: 0.3 },
  blur: { kind: 'blur', strength: 0.8 },
};

/** What the effects are doing, as people see it. `idle`: chosen, but no camera is on. `system`: the operating system blurs. */
export type EffectsStatus =
  | { readonly kind: 'off' | 'idle' | 'starting' | 'on' | 'system' }
  | { readonly kind: 'failed'; readonly failure: EffectFailure };

export interface EffectsView {
  /** An {@link EffectChoice}, or the id of a background. */
  readonly choice: string;
  readonly status: EffectsStatus;
  readonly backgrounds: readonly Background[];
}

/** One choice for all cameras of the page. */
export class EffectsControl implements Pick<GateKeeper, 'guard'>, BackgroundFollower {
  readonly view: Observable<EffectsView>;
  readonly #effects = new Effects();
  readonly #remember: boolean;
  readonly #trustSystemBlur: boolean;
  /** What people may choose from, beside the backgrounds. */
  readonly choices: readonly EffectChoice[];
  readonly #tracks = new Map<EffectTrack, EffectState>();
  #offered: readonly Background[];
  readonly #pictures = new OwnPictures();

  constructor(config: Config['effects']) {
    this.#remember = config.remember;
    this.#trustSystemBlur = config.privacy === 'preferred' || config.trustSystemBlur;
    this.choices = config.privacy === 'required' ? EFFECT_CHOICES.filter((each) => each !== 'off') : EFFECT_CHOICES;
    this.#offered = offeredBackgrounds(config);
    const wanted = (config.remember ? recall() : undefined) ?? config.default;
    const known = wanted.startsWith(OWN) || this.choices.some((each) => each === wanted) || this.#offered.some(({ id }) => id === wanted);
    // Whoever chose something that is not on offer any more did want to be hidden.
    const choice = known ? wanted : 'blur';
    this.view = new Observable<EffectsView>({ choice, status: { kind: choice === 'off' ? 'off' : 'idle' }, backgrounds: this.#offered });
    if (choice.startsWith(OWN)) void this.refresh();
  }

  guard(camera: MediaStreamTrack): MediaStreamTrack {
    if (isMirrored(camera)) return camera;
    const { choice } = this.view.value;
    // Without the means to show an effect the camera may pass only by the user's own choice.
    if (!Effects.supported && choice === 'off') return camera;
    try {
      const effectTrack = this.#effects.process(camera, {
        spec: this.#spec(choice),
        allowRaw: this.rawAllowed,
        trustSystemBlur: this.#trustSystemBlur,
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
      if (error instanceof EffectError) this.view.set({ ...this.view.value, status: { kind: 'failed', failure: error.failure } });
      throw error;
    }
  }

  /** Whether the camera may be shown as it is, if the user wants it. */
  get rawAllowed(): boolean {
    return this.choices.includes('off');
  }

  /** Set while what leaves was chosen in the application's own dialog. */
  #followed: AppBackground | undefined;
  readonly #ownChoice = new Observable(0);

  get followsApp(): boolean {
    return this.#followed !== undefined;
  }

  onOwnChoice(listener: () => void): void {
    this.#ownChoice.subscribe(listener);
  }

  followApp(background: AppBackground, preview?: MediaStreamTrack): void {
    const choice = background.kind === 'off' ? 'off' : background.kind === 'picture' ? FROM_APP : background.pixels < SLIGHT_PIXELS ? 'slight-blur' : 'blur';
    if (preview) {
      // Nobody but its owner sees a preview; the track keeps what the keeper allows, whatever is asked of it.
      const spec: EffectSpec = background.kind === 'picture' ? { kind: 'image', source: background.source } : this.#spec(choice);
      for (const track of this.#tracks.keys()) if (track.track === preview) track.update(spec);
      return;
    }
    this.#offered = this.#offered.filter(({ id }) => id !== FROM_APP);
    if (background.kind === 'picture') this.#offered = [...this.#offered, { kind: 'picture', id: FROM_APP, name: text('pictureFromApp'), source: background.source, own: false }];
    this.view.set({ ...this.view.value, backgrounds: [...this.#offered, ...this.view.value.backgrounds.filter(({ id }) => id.startsWith(OWN))] });
    this.#choose(choice);
    this.#followed = background.kind === 'off' ? undefined : background;
  }

  /** @param choice see {@link EffectsView}; anything else does nothing */
  choose(choice: string): void {
    this.#followed = undefined;
    this.#choose(choice);
    this.#ownChoice.set(this.#ownChoice.value + 1);
  }

  #choose(choice: string): void {
    if (!this.choices.some((each) => each === choice) && !this.view.value.backgrounds.some(({ id }) => id === choice)) return;
    if (this.#remember) remember(choice);
    this.view.set({ ...this.view.value, choice, status: { kind: choice === 'off' ? 'off' : 'idle' } });
    this.#apply();
  }

  /** Looks for the user's own pictures. Those that cannot be read are not on offer. */
  async refresh(): Promise<void> {
    const own = await this.#pictures.list().catch(() => []);
    this.view.set({ ...this.view.value, backgrounds: [...this.#offered, ...own.map(asBackground)] });
    const { choice, backgrounds } = this.view.value;
    if (!choice.startsWith(OWN)) return;
    if (!backgrounds.some(({ id }) => id === choice)) this.choose('blur'); // deleted, in another tab perhaps
    else if (this.#waiting) this.#apply();
  }

  /** Keeps a picture or video and chooses it. @returns why not, if not */
  async upload(file: File): Promise<Refusal | undefined> {
    try {
      const background = asBackground(await this.#pictures.add(file));
      await this.refresh();
      this.choose(background.id);
      return undefined;
    } catch (error) {
      return error instanceof RefusedPicture ? error.refusal : 'storage';
    }
  }

  /** Deletes one of the user's own. If it is the chosen one, the room is blurred instead. */
  async remove(id: string): Promise<void> {
    await this.#pictures.remove(id.slice(OWN.length)).catch(() => undefined); // it is then still in the list
    await this.refresh();
  }

  /** Starts the chosen effect once more after a failure. */
  retry(): void {
    this.#choose(this.view.value.choice);
  }

  /** Set while an own picture is chosen that is still being read from disk. */
  #waiting = false;

  #spec(choice: string): EffectSpec {
    const effect = EFFECT_CHOICES.find((each) => each === choice);
    if (effect) return SPECS[effect];
    const background = this.view.value.backgrounds.find(({ id }) => id === choice);
    this.#waiting = !background;
    if (!background) return SPECS.blur;
    return specOf(background);
  }

  #apply(): void {
    const spec = this.#spec(this.view.value.choice);
    for (const track of this.#tracks.keys()) track.update(spec);
    this.#refresh();
  }

  #refresh(): void {
    const { choice } = this.view.value;
    this.view.set({ ...this.view.value, status: statusOf(choice, [...this.#tracks.values()]) });
  }
}

const asBackground = ({ id, name, data, poster }: OwnPicture): Background => ({
  ...(poster ? { kind: 'video', poster } : { kind: 'picture' }),
  id: `${OWN}${id}`,
  name,
  source: data,
  own: true,
});

const specOf = (background: Background): EffectSpec => {
  switch (background.kind) {
    case 'colour':
      return { kind: 'colour', colour: background.colour };
    case 'picture':
      return { kind: 'image', source: background.source };
    case 'video':
      return { kind: 'video', source: background.source, ...(background.poster === undefined ? {} : { poster: background.poster }) };
  }
};

const statusOf = (choice: string, states: readonly EffectState[]): EffectsStatus => {
  if (choice === 'off') return { kind: 'off' };
  for (const state of states) if (state.kind === 'failed') return { kind: 'failed', failure: state.failure };
  if (states.length === 0) return { kind: 'idle' };
  if (!states.every(({ kind }) => kind === 'running' || kind === 'system')) return { kind: 'starting' };
  return { kind: states.some(({ kind }) => kind === 'system') ? 'system' : 'on' };
};

/** Storage may be refused, as in a private window or a third-party frame: the choice then lasts as long as the page. */
const recall = (): string | undefined => {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? undefined;
  } catch {
    return undefined;
  }
};

const remember = (choice: string): void => {
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // As above.
  }
};
