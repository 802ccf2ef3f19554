import { Conference } from './conference';
import type { Config, JitsiMeetLibrary } from './lib';
import { createStore, type State, type Store } from './store';
import { show } from './view';

/**
 * Stands in for the Jitsi Meet app: the globals, actions and page elements a plugin meets, with the load order of the
 * real app. What it does not have, a plugin must not need.
 */
export interface App {
  API: { notifyToolbarButtonClicked(id: string, preventExecution: boolean): void };
  conference: Conference;
  translation: { getCurrentLanguage(): string; addLanguageChangedListener(listener: () => void): void };
  UI: Record<string, never>;
  /** From DOMContentLoaded on. */
  store?: Store;
}

declare global {
  interface Window {
    JitsiMeetJS?: JitsiMeetLibrary;
    config?: Config;
    APP?: App;
  }
}

// Captured now: replacing window.JitsiMeetJS later changes nothing, replacing its methods does.
const library = window.JitsiMeetJS;
const config = window.config;
if (!library || !config) throw new Error('config.js and lib-jitsi-meet have to be loaded before the app');

const parameters = hashParameters();
const roomName = decodeURIComponent(location.pathname.split('/').pop() ?? '');
const name = parameters.get('userInfo.displayName');
const store = createStore(initialState(roomName, typeof name === 'string' ? name : 'me', config), (action) => {
  if (action.type === 'SET_VIDEO_INPUT_DEVICE') void conference.onDeviceChanged('video', String(action['deviceId']));
  if (action.type === 'SET_AUDIO_INPUT_DEVICE') void conference.onDeviceChanged('audio', String(action['deviceId']));
});
const conference = new Conference(library, store, config);
const app: App = {
  API: { notifyToolbarButtonClicked: () => undefined },
  conference,
  translation: { getCurrentLanguage: () => document.documentElement.lang, addLanguageChangedListener: () => undefined },
  UI: {},
};
window.APP = app;

document.addEventListener('DOMContentLoaded', () => start(library, config));

function start(library: JitsiMeetLibrary, config: Config): void {
  override(config, parameters);
  app.store = store;
  library.setLogLevel('error');
  library.init({ ...config, disableThirdPartyRequests: true });
  const listDevices = (devices: readonly MediaDeviceInfo[]): void => void store.dispatch({ type: 'UPDATE_DEVICE_LIST', devices });
  const refreshDevices = (): void => library.mediaDevices.enumerateDevices(listDevices);
  library.mediaDevices.addEventListener('mediaDevices.devicechange', listDevices);
  registerShortcuts();

  const page = document.getElementById('react');
  if (!page) throw new Error('the page has no #react');
  show(page, { store, conference, config, api: app.API });
  if (roomName === '') return;
  window.addEventListener('load', () => {
    conference.join(roomName).then(
      refreshDevices,
      (error: unknown) => store.dispatch({ type: 'SHOW_NOTIFICATION', uid: 'join', props: { title: 'The meeting could not be joined', description: String(error), appearance: 'error' } }),
    );
  });
}

function initialState(room: string, displayName: string, config: Config): State {
  return {
    'features/base/tracks': [],
    'features/base/participants': { local: { id: 'local', name: displayName, local: true }, remote: new Map(), dominantSpeaker: undefined },
    'features/base/settings': { displayName, cameraDeviceId: undefined, micDeviceId: undefined },
    'features/base/devices': { availableDevices: [] },
    'features/base/conference': { conference: undefined, room, leaving: false },
    'features/base/config': config,
    'features/notifications': { notifications: [] },
    'features/virtual-background': {},
    'features/keyboard-shortcuts': { shortcuts: new Map() },
  };
}

/** `#config.a.b=json&userInfo.displayName="Ann"` as name and value; what is not JSON is left out. */
function hashParameters(): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const part of location.hash.slice(1).split('&')) {
    const [name = '', value = ''] = part.split('=');
    try {
      found.set(name, JSON.parse(decodeURIComponent(value)));
    } catch {
      // The real app ignores it as well.
    }
  }
  return found;
}

/** The meeting's address overrides config.js. The real app has a list of what may be; here everything may be. */
function override(config: Config, parameters: ReadonlyMap<string, unknown>): void {
  for (const [name, value] of parameters) {
    const keys = name.split('.');
    if (keys.shift() !== 'config' || keys.some((key) => key === '__proto__' || key === 'constructor' || key === 'prototype')) continue;
    const last = keys.pop();
    if (last === undefined) continue;
    let target: Record<string, unknown> = config;
    for (const key of keys) {
      if (typeof target[key] !== 'object' || target[key] === null) target[key] = {};
      target = target[key] as Record<string, unknown>;
    }
    target[last] = value;
  }
}

function registerShortcuts(): void {
  const register = (character: string, helpDescription: string, handler: () => void): void =>
    void store.dispatch({ type: 'REGISTER_KEYBOARD_SHORTCUT', shortcut: { character, helpDescription, handler } });
  register('M', 'Mute or unmute your microphone', () => void conference.toggleAudioMuted());
  register('V', 'Start or stop your camera', () => void conference.toggleVideoMuted());
  register('D', 'Switch between camera and screen sharing', () => void conference.toggleScreenSharing());
  window.addEventListener('keyup', (event) => {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || (target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]'))) return;
    const key = `${event.altKey ? ':' : ''}${event.key.toUpperCase()}`;
    store.getState()['features/keyboard-shortcuts'].shortcuts.get(key)?.handler(event);
  });
}
