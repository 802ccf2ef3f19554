/** What the application's background dialog can ask for. */
export type AppBackground =
  | { readonly kind: 'off' }
  /** Pixels, as the application means them: 8 for slight, 25 for strong. */
  | { readonly kind: 'blur'; readonly pixels: number }
  | { readonly kind: 'picture'; readonly source: string | Blob };

/** What the application's dialog drives in place of its own engine. */
export interface BackgroundFollower {
  /** @param preview the track that this is about alone; without one, everything that leaves */
  followApp(background: AppBackground, preview?: MediaStreamTrack): void;
  /** Whether what leaves now was chosen in the application's dialog. */
  readonly followsApp: boolean;
  /** @param listener is called when somebody chose otherwise in our own panel */
  onOwnChoice(listener: () => void): void;
}

/** The slice `features/virtual-background`, which is also what an effect of the application is made from. */
interface VirtualBackground {
  readonly backgroundEffectEnabled?: boolean;
  readonly backgroundType?: string;
  readonly blurValue?: number;
  readonly virtualSource?: string;
}
interface LocalTrack {
  getTrack?: () => MediaStreamTrack | undefined;
  getType?: () => string;
  setEffect?: (effect: unknown) => Promise<unknown>;
}
interface TrackOptions {
  readonly effects?: readonly unknown[];
}
interface HostWindow {
  JitsiMeetJS?: { createLocalTracks?: (options?: TrackOptions, ...others: unknown[]) => Promise<LocalTrack[]> };
  APP?: { store?: { getState(): Readonly<Record<string, unknown>>; dispatch(action: object): unknown } };
}

/** One slot for effects, and two who want it: ours is not in it, but under it. Marks what has been wrapped. */
const WRAPPED = Symbol('greenroom');

/**
 * Translates the application's own background dialog: an effect that it sets for a blur or a picture is not started, but
 * asked of the follower. Its other effects are left alone, and so is one whose options cannot be read.
 */
export class VirtualBackgrounds {
  readonly #window = window as unknown as HostWindow;
  readonly #follower: BackgroundFollower;

  constructor(follower: BackgroundFollower) {
    this.#follower = follower;
    follower.onOwnChoice(() => this.#reset());
    // Where the loader line stands in config.js the library is not there yet; no track is made before this event.
    if (!this.#wrapLibrary()) document.addEventListener('DOMContentLoaded', () => this.#wrapLibrary());
  }

  /** The application looks the function up at every call. */
  #wrapLibrary(): boolean {
    const library = this.#window.JitsiMeetJS;
    const original = library?.createLocalTracks;
    if (!library || !original) return false;
    library.createLocalTracks = async (options, ...others) => {
      const effects = options?.effects ?? [];
      const background = effects.map(optionsOf).find((found) => found);
      const tracks = await original.call(library, background ? { ...options, effects: effects.filter((effect) => !optionsOf(effect)) } : options, ...others);
      for (const track of tracks) this.#wrapTrack(track);
      // The camera was opened anew, and what the dialog had chosen goes on.
      if (background) this.#follow(background);
      return tracks;
    };
    return true;
  }

  #wrapTrack(track: LocalTrack): void {
    const prototype = Object.getPrototypeOf(track) as LocalTrack & { [WRAPPED]?: true };
    const { setEffect } = prototype;
    if (!setEffect || prototype[WRAPPED]) return;
    prototype[WRAPPED] = true;
    const take = (target: LocalTrack, effect: unknown): boolean => this.#take(target, effect);
    prototype.setEffect = function (this: LocalTrack, effect) {
      // What is not started must not stay in the slot either.
      return setEffect.call(this, take(this, effect) ? undefined : effect);
    };
  }

  /** @returns whether the effect was translated, and is not to be started */
  #take(track: LocalTrack, effect: unknown): boolean {
    if (track.getType?.() !== 'video') return false;
    const background = optionsOf(effect);
    if (effect && !background) return false;
    const preview = this.#isShown(track) ? undefined : track.getTrack?.();
    if (background) this.#follow(background, preview);
    else {
      // "None" was chosen, or the application could not make the effect that it still says is on.
      const chosen = this.#state;
      if (chosen?.backgroundEffectEnabled === false) {
        if (preview || this.#follower.followsApp) this.#follower.followApp({ kind: 'off' }, preview);
      } else if (chosen?.backgroundEffectEnabled === true && isBackground(chosen)) this.#follow(chosen, preview);
    }
    return true;
  }

  #follow({ backgroundType, blurValue, virtualSource }: VirtualBackground, preview?: MediaStreamTrack): void {
    const source = backgroundType === 'image' && virtualSource !== undefined ? sourceOf(virtualSource) : undefined;
    this.#follower.followApp(source === undefined ? { kind: 'blur', pixels: blurValue ?? 25 } : { kind: 'picture', source }, preview);
  }

  /** The dialog must not go on showing, nor the application bring back, what was replaced in our panel. */
  #reset(): void {
    if (this.#state?.backgroundEffectEnabled !== true) return;
    const store = this.#window.APP?.store;
    store?.dispatch({ type: 'SET_VIRTUAL_BACKGROUND', selectedThumbnail: 'none' });
    store?.dispatch({ type: 'BACKGROUND_ENABLED', backgroundEffectEnabled: false });
  }

  get #state(): VirtualBackground | undefined {
    return this.#window.APP?.store?.getState()['features/virtual-background'] as VirtualBackground | undefined;
  }

  /** The dialog's preview is a track of its own, which is not among those of the meeting. */
  #isShown(track: LocalTrack): boolean {
    const tracks = this.#window.APP?.store?.getState()['features/base/tracks'];
    return Array.isArray(tracks) && (tracks as { jitsiTrack?: unknown }[]).some(({ jitsiTrack }) => jitsiTrack === track);
  }
}

const isBackground = (options: VirtualBackground): boolean => options.backgroundType === 'blur' || options.backgroundType === 'image';

/** Where the application's effect keeps its options: in three places, by release. */
const optionsOf = (effect: unknown): VirtualBackground | undefined => {
  const { _options: own, _processor: processor } = (effect ?? {}) as { _options?: VirtualBackground & { virtualBackground?: VirtualBackground }; _processor?: { _options?: VirtualBackground } };
  return [own?.virtualBackground, own, processor?._options].find((each) => each && isBackground(each));
};

/** An uploaded picture is a data address, which a strict policy does not let anybody fetch. Nothing comes from another site. */
const sourceOf = (address: string): string | Blob | undefined => {
  const [, type = '', data] = /^data:(image\/[\w.+-]+);base64,(.+)$/.exec(address) ?? [];
  if (data !== undefined) return new Blob([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))], { type });
  const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : undefined;
  return url?.origin === location.origin ? url.href : undefined;
};
