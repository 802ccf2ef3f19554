import { type ComponentChildren, type JSX, render } from 'preact';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';

import { BackgroundDialog } from './background';
import type { Conference } from './conference';
import { Icon } from './icons';
import type { Config, JitsiTrack } from './lib';
import type { Notice, State, Store, TrackState } from './store';

export interface Page {
  readonly store: Store;
  readonly conference: Conference;
  readonly config: Config;
  readonly api: { notifyToolbarButtonClicked(id: string, preventExecution: boolean): void };
}

/** Draws the app into an element and keeps it in step with the store. */
export function show(element: HTMLElement, page: Page): void {
  // What the real app reads once, when it starts.
  const buttons = [...(page.config.customToolbarButtons ?? [])];
  render(<Root page={page} buttons={buttons} />, element);
}

type CustomButtons = NonNullable<Config['customToolbarButtons']>;

function Root({ page, buttons }: { page: Page; buttons: CustomButtons }): JSX.Element {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [choosing, setChoosing] = useState(false);
  useEffect(() => page.store.subscribe(() => redraw(undefined)), [page]);
  const state = page.store.getState();
  const { room, leaving } = state['features/base/conference'];
  if (room === '') return <Welcome />;
  if (leaving) return <Left room={room} />;
  return (
    <div id="videoconference_page">
      <Stage state={state} />
      <RemoteSound state={state} />
      <Toolbar page={page} state={state} buttons={buttons} onBackground={() => setChoosing(!choosing)} />
      {choosing && <BackgroundDialog page={page} onClose={() => setChoosing(false)} />}
      <Notices notices={state['features/notifications'].notifications} store={page.store} />
    </div>
  );
}

/** The others large, oneself small; further participants beside oneself. */
function Stage({ state }: { state: State }): JSX.Element {
  const { local, remote, dominantSpeaker } = state['features/base/participants'];
  const others = [...remote.values()];
  const main = others.find(({ id }) => id === dominantSpeaker) ?? others[0];
  const { conference, room } = state['features/base/conference'];
  return (
    <div id="videospace">
      <div id="largeVideoContainer">
        {main === undefined
          ? <p class="alone">{conference === undefined ? 'Joining…' : 'You are the only one here'}</p>
          : <Tile key={main.id} name={main.name} tracks={tracksOf(state, main.id)} large />}
      </div>
      <header class="subject"><span class="subject-room">{room}</span><Clock running={conference !== undefined} /></header>
      <div id="remoteVideos" class="filmstrip">
        <div id="localVideoContainer"><Tile name={local.name} tracks={state['features/base/tracks'].filter((track) => track.local)} /></div>
        {others.filter((other) => other !== main).map(({ id, name }) => <div key={id}><Tile name={name} tracks={tracksOf(state, id)} /></div>)}
      </div>
    </div>
  );
}

function tracksOf(state: State, participant: string): TrackState[] {
  return state['features/base/tracks'].filter(({ local, participantId }) => !local && participantId === participant);
}

function Tile({ name, tracks, large = false }: { name: string; tracks: readonly TrackState[]; large?: boolean }): JSX.Element {
  const video = tracks.find(({ mediaType }) => mediaType === 'video');
  const audio = tracks.find(({ mediaType }) => mediaType === 'audio');
  const local = video?.local ?? audio?.local ?? false;
  return (
    <div class={large ? 'tile large' : 'tile'}>
      {video && !video.muted
        ? <Video track={video.jitsiTrack} id={large ? 'largeVideo' : local ? 'localVideo' : undefined} mirrored={video.mirror} fit={video.videoType === 'desktop'} />
        : <div class="avatar" aria-hidden="true">{initials(name)}</div>}
      <div class="nameplate">
        {audio?.muted !== false && <span class="muted" role="img" aria-label="Microphone off"><Icon name="microphoneOff" /></span>}
        <span class="displayname">{local ? `${name} (you)` : name}</span>
      </div>
    </div>
  );
}

function initials(name: string): string {
  return name.split(/\s+/).slice(0, 2).map((word) => word.charAt(0).toUpperCase()).join('');
}

function Video({ track, id, mirrored, fit }: { track: JitsiTrack; id: string | undefined; mirrored: boolean; fit: boolean }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useAttached(track, element);
  return <video ref={element} id={id} class={[mirrored ? 'flipVideoX' : '', fit ? 'fit' : ''].join(' ')} autoplay playsInline muted />;
}

function RemoteSound({ state }: { state: State }): JSX.Element {
  const tracks = state['features/base/tracks'].filter(({ local, mediaType }) => !local && mediaType === 'audio');
  return <>{tracks.map(({ jitsiTrack, participantId }) => <Audio key={participantId} id={participantId} track={jitsiTrack} />)}</>;
}

function Audio({ track, id }: { track: JitsiTrack; id: string }): JSX.Element {
  const element = useRef<HTMLAudioElement>(null);
  useAttached(track, element);
  return <audio ref={element} id={`remoteAudio_${id}`} autoplay />;
}

/** The library fills the element, now and whenever the track's stream changes. */
function useAttached(track: JitsiTrack, element: { readonly current: HTMLMediaElement | null }): void {
  useEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    track.attach(current);
    return () => {
      track.detach(current);
    };
  }, [track]);
}

function Clock({ running }: { running: boolean }): JSX.Element | null {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (!running) return undefined;
    const started = Date.now();
    const timer = setInterval(() => setSeconds(Math.floor((Date.now() - started) / 1000)), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return running ? <span class="subject-clock">{`${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`}</span> : null;
}

function Toolbar({ page: { conference, store, api }, state, buttons, onBackground }: { page: Page; state: State; buttons: CustomButtons; onBackground: () => void }): JSX.Element {
  const audioMuted = conference.isLocalAudioMuted();
  const videoMuted = conference.isLocalVideoMuted();
  const sharing = conference.isSharingScreen();
  const { cameraDeviceId, micDeviceId } = state['features/base/settings'];
  return (
    <div id="new-toolbox" class="new-toolbox visible" role="toolbar" aria-label="Meeting controls">
      <div class="toolbox-content-items">
        <div class="settings-button-container">
          <Button label={audioMuted ? 'Unmute microphone' : 'Mute microphone'} pressed={audioMuted} onClick={() => void conference.toggleAudioMuted()}>
            <Icon name={audioMuted ? 'microphoneOff' : 'microphone'} />
          </Button>
          <DeviceMenu label="Microphone" kind="audioinput" state={state} chosen={micDeviceId} onChoose={(deviceId) => store.dispatch({ type: 'SET_AUDIO_INPUT_DEVICE', deviceId })} />
        </div>
        <div class="settings-button-container">
          <Button label={videoMuted ? 'Start camera' : 'Stop camera'} pressed={videoMuted} onClick={() => void conference.toggleVideoMuted()}>
            <Icon name={videoMuted ? 'cameraOff' : 'camera'} />
          </Button>
          <DeviceMenu label="Camera" kind="videoinput" state={state} chosen={cameraDeviceId} onChoose={(deviceId) => store.dispatch({ type: 'SET_VIDEO_INPUT_DEVICE', deviceId })} />
        </div>
        <div>
          <Button label={sharing ? 'Stop sharing your screen' : 'Share your screen'} pressed={sharing} active={sharing} onClick={() => void conference.toggleScreenSharing()}>
            <Icon name="share" />
          </Button>
        </div>
        <div>
          <Button label="Select background" onClick={onBackground}><Icon name="background" /></Button>
        </div>
        {buttons.map(({ id, text, icon }) => (
          <div key={id}>
            {/* Looked up at the click: plugins replace the method. */}
            <Button label={text} onClick={() => api.notifyToolbarButtonClicked(id, false)}><img class="icon" src={icon} alt="" /></Button>
          </div>
        ))}
        <div>
          <Button label="Leave the meeting" className="hangup-button" onClick={() => void conference.hangup()}><Icon name="hangup" /></Button>
        </div>
      </div>
    </div>
  );
}

interface ButtonProps {
  readonly label: string;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
  /** A toggle's state; absent for what is not a toggle. */
  readonly pressed?: boolean;
  readonly active?: boolean;
  readonly className?: string;
}

/** The real app's buttons are div elements with a role, and plugins know them by that. */
function Button({ label, onClick, children, pressed, active = false, className = '' }: ButtonProps): JSX.Element {
  return (
    <div class="toolbox-button" role="button" tabIndex={0} aria-label={label} aria-pressed={pressed} title={label} onClick={onClick} onKeyDown={activate(onClick)}>
      <div class={`toolbox-icon ${active ? 'toggled' : ''} ${className}`}>{children}</div>
    </div>
  );
}

function activate(action: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    action();
  };
}

interface DeviceMenuProps {
  readonly label: string;
  readonly kind: MediaDeviceKind;
  readonly state: State;
  readonly chosen: string | undefined;
  readonly onChoose: (deviceId: string) => void;
}

function DeviceMenu({ label, kind, state, chosen, onChoose }: DeviceMenuProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const onPointer = (event: Event): void => {
      if (event.target instanceof Node && menu.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, [open]);
  const devices = state['features/base/devices'].availableDevices.filter((device) => device.kind === kind);
  const current = chosen ?? devices[0]?.deviceId;
  const toggle = (): void => setOpen(!open);
  return (
    <div class="device-menu-anchor" ref={menu} onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
      <div class="settings-button-small-icon" role="button" tabIndex={0} aria-label={`${label} settings`} aria-haspopup="menu" aria-expanded={open} onClick={toggle} onKeyDown={activate(toggle)}>
        <Icon name="chevron" />
      </div>
      {open && (
        <div class="device-menu" role="menu" aria-label={label}>
          <p class="device-menu-title">{label}</p>
          {devices.map(({ deviceId, label: name }) => {
            const choose = (): void => {
              setOpen(false);
              onChoose(deviceId);
            };
            return (
              <div key={deviceId} class="device-menu-item" role="menuitemradio" tabIndex={0} aria-checked={deviceId === current} onClick={choose} onKeyDown={activate(choose)}>
                {deviceId === current ? <Icon name="check" /> : <span class="icon" />}
                <span>{name.split('/').pop()}</span>
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}

function Notices({ notices, store }: { notices: readonly Notice[]; store: Store }): JSX.Element {
  return <div id="notifications-container">{notices.map((notice) => <NoticeCard key={notice.uid} notice={notice} store={store} />)}</div>;
}

function NoticeCard({ notice: { uid, timeout, props }, store }: { notice: Notice; store: Store }): JSX.Element {
  const hide = (): void => void store.dispatch({ type: 'HIDE_NOTIFICATION', uid });
  useEffect(() => {
    if (timeout === undefined || timeout <= 0) return undefined;
    const timer = setTimeout(hide, timeout);
    return () => clearTimeout(timer);
  }, [uid, timeout, props]);
  const { appearance = 'normal' } = props;
  return (
    <div class={`notice ${appearance}`} role={appearance === 'error' || appearance === 'warning' ? 'alert' : 'status'}>
      <div class="notice-text">
        <strong>{props.title ?? props.titleKey}</strong>
        {(props.description ?? props.descriptionKey) !== undefined && <p>{props.description ?? props.descriptionKey}</p>}
        {props.customActionNameKey !== undefined && (
          <div class="notice-actions">
            {props.customActionNameKey.map((text, index) => (
              // As in the real app, the handler says whether the notice has done its work.
              <button key={text} type="button" onClick={() => props.customActionHandler?.[index]?.() === true && hide()}>{text}</button>
            ))}
          </div>
        )}
      </div>
      <button class="notice-close" type="button" aria-label="Dismiss" onClick={hide}><Icon name="close" /></button>
    </div>
  );
}

function Left({ room }: { room: string }): JSX.Element {
  return (
    <main class="plain-page">
      <h1>You left the meeting</h1>
      <p>{room}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>Rejoin</button>
    </main>
  );
}

function Welcome(): JSX.Element {
  const name = useRef<HTMLInputElement>(null);
  const go = (event: Event): void => {
    event.preventDefault();
    const room = (name.current?.value ?? '').trim().replaceAll(/[^\p{L}\p{N}_-]+/gu, '-');
    if (room !== '') location.assign(new URL(encodeURIComponent(room), document.baseURI));
  };
  return (
    <main class="plain-page">
      <span class="welcome-icon"><Icon name="camera" /></span>
      <h1>Start a meeting</h1>
      <form onSubmit={go}>
        <input ref={name} aria-label="Name of the meeting" placeholder="Name of the meeting" autofocus />
        <button type="submit" class="primary">Join</button>
      </form>
    </main>
  );
}
