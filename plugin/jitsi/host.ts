import type { Person } from '../../recorder';

/**
 * The only reader of the page's globals: JitsiMeetJS, APP and config. Everything is looked up when it is needed, since
 * it comes to be at different moments of the page's start and differs between releases.
 */

interface CustomButton {
  readonly id: string;
  readonly text: string;
  readonly icon: string;
}

interface JitsiTrack {
  getTrack?: () => MediaStreamTrack | undefined;
  mute?: () => Promise<unknown>;
  unmute?: () => Promise<unknown>;
}
interface TrackEntry {
  readonly local?: boolean;
  readonly mediaType?: string;
  readonly videoType?: string;
  readonly muted?: boolean;
  readonly participantId?: string;
  readonly jitsiTrack?: JitsiTrack;
}
interface Participant {
  readonly id: string;
  readonly name?: string;
  /** What is shown like a participant and is none: a shared video, a whiteboard, the tile of a screen. */
  readonly fakeParticipant?: unknown;
}
interface Participants {
  readonly local?: Participant;
  readonly remote?: ReadonlyMap<string, Participant>;
  readonly dominantSpeaker?: string;
}
interface Room {
  on?: (event: string, listener: () => void) => void;
  getName?: () => string;
  setLocalParticipantProperty?: (name: string, value: unknown) => void;
  removeLocalParticipantProperty?: (name: string) => void;
  /** The JitsiConnection it was made by. */
  connection?: { addEventListener?: (event: string, listener: () => void) => void };
}
interface Store {
  getState(): Readonly<Record<string, unknown>>;
  dispatch(action: object): unknown;
  subscribe(listener: () => void): () => void;
}
interface HostWindow {
  config?: { greenroom?: unknown; customToolbarButtons?: CustomButton[] };
  JitsiMeetJS?: { events?: { conference?: Record<string, string>; connection?: Record<string, string> } };
  APP?: {
    API?: { notifyToolbarButtonClicked?: (id: string, preventExecution?: boolean) => void };
    conference?: { _room?: Room; roomName?: string };
    store?: Store;
  };
}

export interface Notice {
  /** A notice with the uid of one that is shown takes its place. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly appearance: 'normal' | 'success' | 'warning' | 'error';
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[];
  /** Milliseconds; absent: until it is dismissed. */
  readonly timeoutMs?: number;
}

const NOTHING: readonly TrackEntry[] = [];
const NOBODY: Participants = {};

/** Jitsi's own name for the presence property that announces a local recording. */
const RECORDING_PROPERTY = 'localRecording';

export class JitsiHost {
  readonly #window = window as unknown as HostWindow;
  readonly #clicks = new Map<string, () => void>();
  readonly #waiting: Notice[] = [];
  #wrapped: unknown;
  #announced = false;

  /** Whether config.js was evaluated before us. */
  get hasConfig(): boolean {
    return this.#window.config !== undefined;
  }

  get flags(): unknown {
    return this.#window.config?.greenroom;
  }

  /** Resolves when the page's store exists; at once if it does. */
  whenReady(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): boolean => {
        this.#wrapClicks();
        if (!this.#window.APP?.store) return false;
        this.#showWaiting();
        resolve();
        return true;
      };
      if (look()) return;
      // The store is there from DOMContentLoaded in today's releases; later looks cost little and outlive a change.
      document.addEventListener('DOMContentLoaded', look);
      window.addEventListener('load', () => {
        if (look()) return;
        const timer = setInterval(() => {
          if (look()) clearInterval(timer);
        }, 250);
      });
    });
  }

  /** Adds a toolbar button; has to happen before the app draws its toolbar. */
  addToolbarButton(button: CustomButton, onClick: () => void): void {
    const config = (this.#window.config ??= {});
    config.customToolbarButtons = [...(config.customToolbarButtons ?? []), button];
    this.#clicks.set(button.id, onClick);
    this.#wrapClicks();
  }

  notify(notice: Notice): void {
    const store = this.#window.APP?.store;
    if (!store) {
      this.#waiting.push(notice);
      return;
    }
    const actions = (notice.actions ?? []).map((action) => ({
      label: action.label,
      run: (): boolean => {
        action.run();
        this.dismiss(notice.uid);
        return true;
      },
    }));
    store.dispatch({
      type: 'SHOW_NOTIFICATION',
      uid: notice.uid,
      ...(notice.timeoutMs === undefined ? {} : { timeout: notice.timeoutMs }),
      props: {
        title: notice.title,
        description: notice.description,
        appearance: notice.appearance,
        customActionNameKey: actions.map((action) => action.label),
        customActionHandler: actions.map((action) => action.run),
      },
    });
  }

  dismiss(uid: string): void {
    this.#window.APP?.store?.dispatch({ type: 'HIDE_NOTIFICATION', uid });
  }

  muteCamera(): void {
    void this.#localTrack('video')?.mute?.();
  }

  get roomName(): string {
    const conference = this.#window.APP?.conference;
    return conference?.roomName ?? conference?._room?.getName?.() ?? decodeURIComponent(location.pathname.split('/').pop() ?? '');
  }

  /** Everybody in the meeting, ourselves first, with the tracks that the meeting plays or sends; without what is muted. */
  people(names: { readonly me: string; readonly somebody: string }): Person[] {
    const { local, remote, dominantSpeaker } = this.#participants;
    const others = [...(remote?.values() ?? [])].filter(({ fakeParticipant }) => fakeParticipant === undefined);
    const tracks = this.#tracks.filter(({ muted }) => muted !== true);
    const person = ({ id, name }: Participant, isLocal: boolean): Person => {
      const own = tracks.filter((track) => (isLocal ? track.local === true : track.local !== true && track.participantId === id));
      const of = (choose: (track: TrackEntry) => boolean): MediaStreamTrack[] => own.filter(choose).flatMap(({ jitsiTrack }) => jitsiTrack?.getTrack?.() ?? []);
      const fallback = isLocal ? names.me : names.somebody;
      return {
        id,
        name: name === undefined || name === '' ? fallback : name,
        local: isLocal,
        audio: of(({ mediaType }) => mediaType === 'audio'),
        video: of(({ mediaType, videoType }) => mediaType === 'video' && videoType !== 'desktop')[0] ?? null,
        screen: of(({ mediaType, videoType }) => mediaType === 'screenshare' || (mediaType === 'video' && videoType === 'desktop'))[0] ?? null,
        speaking: id === dominantSpeaker,
      };
    };
    return [person(local ?? { id: 'local' }, true), ...others.map((each) => person(each, false))];
  }

  /** Calls `listener` whenever `people` may answer something else. Needs the store. */
  onPeopleChanged(listener: () => void): void {
    let last: readonly unknown[] = [];
    const look = (): void => {
      // A local track keeps its entry while what it sends is replaced.
      const now = [this.#participants, this.#tracks, ...this.#tracks.map(({ jitsiTrack }) => jitsiTrack?.getTrack?.())];
      if (now.length === last.length && now.every((each, index) => each === last[index])) return;
      last = now;
      listener();
    };
    this.#window.APP?.store?.subscribe(look);
    look();
  }

  /** A key of the meeting's own list of shortcuts. Needs the store. */
  addShortcut(character: string, helpDescription: string, handler: () => void): void {
    this.#window.APP?.store?.dispatch({ type: 'REGISTER_KEYBOARD_SHORTCUT', shortcut: { character, helpDescription, handler } });
  }

  /** Calls `listener` whenever the meeting was left or lost. Needs the store. */
  onLeft(listener: () => void): void {
    const followed = new WeakSet<Room>();
    const look = (): void => {
      const room = this.#window.APP?.conference?._room;
      if (!room?.on || followed.has(room)) return;
      followed.add(room);
      const { conference = {}, connection = {} } = this.#window.JitsiMeetJS?.events ?? {};
      for (const name of [conference['CONFERENCE_LEFT'], conference['KICKED'], conference['CONFERENCE_FAILED']]) if (name !== undefined) room.on(name, listener);
      // The library tells of a server that is gone, and does not come back, by the connection alone; the application then
      // reloads the page.
      for (const name of [connection['CONNECTION_FAILED'], connection['CONNECTION_DISCONNECTED']]) if (name !== undefined) room.connection?.addEventListener?.(name, listener);
      if (this.#announced) this.announceRecording(true);
    };
    this.#window.APP?.store?.subscribe(look);
    look();
  }

  /** Tells everybody, also those who join later, in the way stock clients show. */
  announceRecording(on: boolean): void {
    this.#announced = on;
    const room = this.#window.APP?.conference?._room;
    // A boolean: the text "false" reads as true on the other side.
    room?.setLocalParticipantProperty?.(RECORDING_PROPERTY, on);
  }

  /** Turns the camera off and on, which makes the application ask for it anew: the way back from an output that is lost. */
  async restartCamera(): Promise<void> {
    const camera = this.#localTrack('video');
    await camera?.mute?.();
    await camera?.unmute?.();
  }

  get #tracks(): readonly TrackEntry[] {
    const tracks = this.#window.APP?.store?.getState()['features/base/tracks'];
    return Array.isArray(tracks) ? (tracks as TrackEntry[]) : NOTHING;
  }

  get #participants(): Participants {
    return (this.#window.APP?.store?.getState()['features/base/participants'] as Participants | undefined) ?? NOBODY;
  }

  #localTrack(mediaType: 'audio' | 'video'): JitsiTrack | undefined {
    return this.#tracks.find((track) => track.local === true && track.mediaType === mediaType && track.videoType !== 'desktop')?.jitsiTrack;
  }

  /** A click on a custom button ends in this call even where no iframe listens. */
  #wrapClicks(): void {
    const api = this.#window.APP?.API;
    const original = api?.notifyToolbarButtonClicked;
    if (!api || !original || original === this.#wrapped) return;
    const wrapped = (id: string, preventExecution?: boolean): void => {
      original.call(api, id, preventExecution);
      this.#clicks.get(id)?.();
    };
    api.notifyToolbarButtonClicked = wrapped;
    this.#wrapped = wrapped;
  }

  #showWaiting(): void {
    for (const notice of this.#waiting.splice(0)) this.notify(notice);
  }
}
