import type { VirtualBackground } from './background';
import type { JitsiTrack, MediaType } from './lib';

/** One entry of `features/base/tracks`, as in the real app. */
export interface TrackState {
  readonly jitsiTrack: JitsiTrack;
  readonly local: boolean;
  readonly mediaType: MediaType;
  readonly videoType: 'camera' | 'desktop' | undefined;
  readonly muted: boolean;
  readonly participantId: string;
  readonly mirror: boolean;
}

interface Participant {
  readonly id: string;
  readonly name: string;
  readonly local: boolean;
}

export interface Notice {
  readonly uid: string;
  readonly timeout?: number;
  readonly props: {
    readonly title?: string;
    readonly titleKey?: string;
    readonly description?: string;
    readonly descriptionKey?: string;
    readonly appearance?: 'normal' | 'success' | 'warning' | 'error';
    readonly customActionNameKey?: readonly string[];
    readonly customActionHandler?: readonly (() => boolean | undefined)[];
  };
}

interface Shortcut {
  readonly character: string;
  readonly helpDescription?: string;
  readonly handler: (event: KeyboardEvent) => void;
}

export interface State {
  readonly 'features/base/tracks': readonly TrackState[];
  readonly 'features/base/participants': {
    readonly local: Participant;
    readonly remote: ReadonlyMap<string, Participant>;
    readonly dominantSpeaker: string | undefined;
  };
  readonly 'features/base/settings': {
    readonly displayName: string;
    readonly cameraDeviceId: string | undefined;
    readonly micDeviceId: string | undefined;
  };
  readonly 'features/base/devices': { readonly availableDevices: readonly MediaDeviceInfo[] };
  readonly 'features/base/conference': { readonly conference: unknown; readonly room: string; readonly leaving: boolean };
  readonly 'features/base/config': Readonly<Record<string, unknown>>;
  readonly 'features/notifications': { readonly notifications: readonly Notice[] };
  readonly 'features/virtual-background': VirtualBackground;
  readonly 'features/keyboard-shortcuts': { readonly shortcuts: ReadonlyMap<string, Shortcut> };
}

export interface Action {
  readonly type: string;
  readonly [property: string]: unknown;
}

type Reducer = (state: State, action: Action) => State;

/** What plugins may use of the app's redux store. */
export interface Store {
  getState(): State;
  dispatch(action: Action): Action;
  subscribe(listener: () => void): () => void;
  replaceReducer(reducer: Reducer): void;
}

/**
 * A store with redux's contract: listeners run after every action, and the app's own dispatches go through the
 * function it captured, so that replacing `store.dispatch` shows nothing of them.
 * @param onAction runs after the reducer, like a middleware
 */
export function createStore(initial: State, onAction: (action: Action) => void): Store {
  let state = initial;
  let reduce = reducer;
  let listeners: readonly (() => void)[] = [];
  const dispatch = (action: Action): Action => {
    state = reduce(state, action);
    for (const listener of listeners) listener();
    onAction(action);
    return action;
  };
  return {
    getState: () => state,
    dispatch,
    subscribe: (listener) => {
      listeners = [...listeners, listener];
      return () => {
        listeners = listeners.filter((other) => other !== listener);
      };
    },
    replaceReducer: (next) => {
      reduce = next;
      dispatch({ type: '@@redux/REPLACE' });
    },
  };
}

/** The app's root reducer. Action names are those of the real app where it has them. */
function reducer(state: State, action: Action): State {
  const tracks = state['features/base/tracks'];
  const participants = state['features/base/participants'];
  const { notifications } = state['features/notifications'];
  const { shortcuts } = state['features/keyboard-shortcuts'];
  switch (action.type) {
    case 'TRACK_ADDED':
      return { ...state, 'features/base/tracks': [...tracks, action['track'] as TrackState] };
    case 'TRACK_UPDATED': {
      const change = action['track'] as Partial<TrackState> & Pick<TrackState, 'jitsiTrack'>;
      return { ...state, 'features/base/tracks': tracks.map((track) => (track.jitsiTrack === change.jitsiTrack ? { ...track, ...change } : track)) };
    }
    case 'TRACK_REMOVED':
      return { ...state, 'features/base/tracks': tracks.filter(({ jitsiTrack }) => jitsiTrack !== (action['track'] as TrackState).jitsiTrack) };
    case 'PARTICIPANT_JOINED':
    case 'PARTICIPANT_UPDATED': {
      const participant = action['participant'] as Participant;
      if (participant.local) return { ...state, 'features/base/participants': { ...participants, local: participant } };
      return { ...state, 'features/base/participants': { ...participants, remote: new Map(participants.remote).set(participant.id, participant) } };
    }
    case 'PARTICIPANT_LEFT': {
      const remote = new Map(participants.remote);
      remote.delete((action['participant'] as Participant).id);
      return { ...state, 'features/base/participants': { ...participants, remote } };
    }
    case 'DOMINANT_SPEAKER_CHANGED':
      return { ...state, 'features/base/participants': { ...participants, dominantSpeaker: (action['participant'] as Participant).id } };
    case 'SETTINGS_UPDATED':
      return { ...state, 'features/base/settings': { ...state['features/base/settings'], ...(action['settings'] as object) } };
    case 'UPDATE_DEVICE_LIST':
      return { ...state, 'features/base/devices': { availableDevices: action['devices'] as MediaDeviceInfo[] } };
    case 'CONFERENCE_JOINED':
      return { ...state, 'features/base/conference': { ...state['features/base/conference'], conference: action['conference'] } };
    case 'CONFERENCE_LEFT':
      return { ...state, 'features/base/conference': { ...state['features/base/conference'], conference: undefined, leaving: true } };
    case 'SHOW_NOTIFICATION': {
      const notice = action as unknown as Notice;
      return { ...state, 'features/notifications': { notifications: [...notifications.filter(({ uid }) => uid !== notice.uid), notice] } };
    }
    case 'HIDE_NOTIFICATION':
      return { ...state, 'features/notifications': { notifications: notifications.filter(({ uid }) => uid !== action['uid']) } };
    case 'SET_VIRTUAL_BACKGROUND': {
      const { virtualSource, blurValue, backgroundType, selectedThumbnail } = action as unknown as Required<VirtualBackground>;
      return { ...state, 'features/virtual-background': { ...state['features/virtual-background'], virtualSource, blurValue, backgroundType, selectedThumbnail } };
    }
    case 'BACKGROUND_ENABLED':
      return { ...state, 'features/virtual-background': { ...state['features/virtual-background'], backgroundEffectEnabled: action['backgroundEffectEnabled'] === true } };
    case 'REGISTER_KEYBOARD_SHORTCUT': {
      const shortcut = action['shortcut'] as Shortcut;
      return { ...state, 'features/keyboard-shortcuts': { shortcuts: new Map(shortcuts).set(shortcut.character.toUpperCase(), shortcut) } };
    }
    case 'UNREGISTER_KEYBOARD_SHORTCUT': {
      const left = new Map(shortcuts);
      left.delete(String(action['character']).toUpperCase());
      return { ...state, 'features/keyboard-shortcuts': { shortcuts: left } };
    }
    default:
      return state;
  }
}
