/** The part of lib-jitsi-meet's public interface that the stand-in uses. The library itself is the real one. */

export type MediaType = 'audio' | 'video';

export interface JitsiTrack {
  getType(): MediaType;
  getVideoType?(): 'camera' | 'desktop';
  readonly videoType?: 'camera' | 'desktop';
  isLocal(): boolean;
  isMuted(): boolean;
  getTrack(): MediaStreamTrack;
  attach(element: HTMLMediaElement): unknown;
  detach(element: HTMLMediaElement): unknown;
  on(event: string, listener: (...values: never[]) => void): void;
  off(event: string, listener: (...values: never[]) => void): void;
}

export interface JitsiLocalTrack extends JitsiTrack {
  mute(): Promise<void>;
  unmute(): Promise<void>;
  dispose(): Promise<void>;
  getDeviceId(): string;
  setEffect(effect: object | undefined): Promise<void>;
}

export interface JitsiRemoteTrack extends JitsiTrack {
  getParticipantId(): string;
}

export interface JitsiParticipant {
  getId(): string;
  getDisplayName(): string | undefined;
  getProperty(name: string): string | undefined;
}

export interface JitsiConference {
  join(): void;
  leave(): Promise<void>;
  on(event: string, listener: (...values: never[]) => void): void;
  myUserId(): string;
  setDisplayName(name: string): void;
  getParticipants(): JitsiParticipant[];
  addTrack(track: JitsiLocalTrack): Promise<void>;
  replaceTrack(from: JitsiLocalTrack | null, to: JitsiLocalTrack | null): Promise<void>;
  sendCommand(name: string, values: { value: string }): void;
  setLocalParticipantProperty(name: string, value: unknown): void;
  startP2PSession(): void;
  stopP2PSession(): void;
}

export interface JitsiConnection {
  addEventListener(event: string, listener: (...values: never[]) => void): void;
  connect(): void;
  disconnect(): Promise<void>;
  initJitsiConference(name: string, options: object): JitsiConference;
}

export interface CreateTracksOptions {
  readonly devices: readonly ('audio' | 'video' | 'desktop')[];
  /** The library puts it into the constraints as it comes; Chromium takes a mere wish for no more than that. */
  readonly cameraDeviceId?: { readonly exact: string };
  readonly micDeviceId?: string | undefined;
  readonly resolution?: number | undefined;
  readonly constraints?: object | undefined;
  /** The first that is enabled for a track is started with it. */
  readonly effects?: readonly object[];
}

export interface JitsiMeetLibrary {
  init(options: object): void;
  setLogLevel(level: string): void;
  createLocalTracks(options: CreateTracksOptions): Promise<JitsiLocalTrack[]>;
  readonly JitsiConnection: new (appId: string | null, token: string | null, options: object) => JitsiConnection;
  readonly events: {
    readonly conference: Readonly<Record<string, string>>;
    readonly connection: Readonly<Record<string, string>>;
    readonly track: Readonly<Record<string, string>>;
  };
  readonly mediaDevices: {
    enumerateDevices(callback: (devices: MediaDeviceInfo[]) => void): void;
    addEventListener(event: string, listener: (devices: MediaDeviceInfo[]) => void): void;
  };
}

/** config.js, as far as the stand-in reads it. */
export interface Config {
  hosts: { domain: string; muc: string; focus: string };
  websocket: string;
  resolution?: number;
  constraints?: object;
  startWithAudioMuted?: boolean;
  startWithVideoMuted?: boolean;
  customToolbarButtons?: { id: string; text: string; icon: string }[];
  [option: string]: unknown;
}
