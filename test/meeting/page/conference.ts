import { JitsiStreamBackgroundEffect } from './background';
import type { Config, CreateTracksOptions, JitsiConference, JitsiConnection, JitsiLocalTrack, JitsiMeetLibrary, JitsiParticipant, JitsiRemoteTrack, JitsiTrack } from './lib';
import type { Store, TrackState } from './store';

/** Participant property that tells peers which engine this is: Firefox can only start a session, never take one. */
const ENGINE = 'standin_engine';

/** `APP.conference`: the app's side of one meeting, over the real library. Method names are those of the real app. */
export class Conference {
  /** The library's conference, from the moment it was joined until it was left. */
  _room: JitsiConference | undefined;

  #connection: JitsiConnection | undefined;
  #room: JitsiConference | undefined;
  /** Changes of local tracks run one after the other, as in the real app. */
  #queue: Promise<unknown> = Promise.resolve();
  /** The participant a session was begun with from here. */
  #calledPeer: string | undefined;
  #inSession = false;

  constructor(
    private readonly library: JitsiMeetLibrary,
    private readonly store: Store,
    private readonly config: Config,
  ) {}

  /** Joins a room with camera and microphone, as far as they are to be had. Resolves when it is joined. */
  async join(name: string): Promise<void> {
    const { startWithAudioMuted, startWithVideoMuted } = this.config;
    const devices = [...(startWithAudioMuted === true ? [] : ['audio' as const]), ...(startWithVideoMuted === true ? [] : ['video' as const])];
    const [tracks] = await Promise.all([this.#initialTracks(devices), this.#connect()]);
    const room = this.#openRoom(name);
    for (const track of tracks) {
      await room.addTrack(track);
      this.#added(track);
    }
    room.setDisplayName(this.store.getState()['features/base/settings'].displayName);
    room.setLocalParticipantProperty(ENGINE, navigator.userAgent.includes('Firefox') ? 'firefox' : 'chromium');
    const joined = new Promise<void>((resolve, reject) => {
      room.on(this.library.events.conference['CONFERENCE_JOINED'] ?? '', () => resolve());
      room.on(this.library.events.conference['CONFERENCE_FAILED'] ?? '', (reason: string) => reject(new Error(reason)));
    });
    room.join();
    await joined;
    this._room = room;
    const { local } = this.store.getState()['features/base/participants'];
    this.store.dispatch({ type: 'PARTICIPANT_UPDATED', participant: { ...local, id: room.myUserId() } });
    this.store.dispatch({ type: 'CONFERENCE_JOINED', conference: room });
    this.#considerSession();
  }

  isJoined(): boolean {
    return this._room !== undefined;
  }

  getMyUserId(): string | undefined {
    return this._room?.myUserId();
  }

  isLocalVideoMuted(): boolean {
    return this.#local('video')?.isMuted() ?? true;
  }

  isLocalAudioMuted(): boolean {
    return this.#local('audio')?.isMuted() ?? true;
  }

  muteVideo(mute: boolean): Promise<void> {
    return this.#mute('video', mute);
  }

  muteAudio(mute: boolean): Promise<void> {
    return this.#mute('audio', mute);
  }

  toggleVideoMuted(): Promise<void> {
    return this.muteVideo(!this.isLocalVideoMuted());
  }

  toggleAudioMuted(): Promise<void> {
    return this.muteAudio(!this.isLocalAudioMuted());
  }

  /** Shares the screen in place of the camera, or goes back to the camera. */
  async toggleScreenSharing(on = !this.isSharingScreen()): Promise<void> {
    if (on === this.isSharingScreen()) return;
    try {
      const tracks = await this.#create({ devices: [on ? 'desktop' : 'video'], ...this.#camera() });
      for (const track of tracks) {
        if (track.getType() === 'video') await this.#replace('video', track);
        else await track.dispose();
      }
    } catch (error) {
      if (!on || !/gum.screensharing_user_canceled/.test(nameOf(error))) this.#complain(on ? 'The screen could not be shared' : 'The camera could not be started', error);
    }
  }

  get camera(): JitsiLocalTrack | undefined {
    return this.isSharingScreen() ? undefined : this.#local('video');
  }

  /** A camera track beside the meeting's, for a dialog, which disposes of it. */
  async createPreview(): Promise<JitsiLocalTrack | undefined> {
    const [track] = await this.#create({ devices: ['video'], ...this.#camera() });
    return track;
  }

  isSharingScreen(): boolean {
    return this.#local('video')?.getVideoType?.() === 'desktop';
  }

  /** A new device is a new track, as in the real app; a muted one stays muted. */
  async onDeviceChanged(type: 'audio' | 'video', deviceId: string): Promise<void> {
    const muted = type === 'video' ? this.isLocalVideoMuted() : this.isLocalAudioMuted();
    try {
      const [track] = await this.#create(type === 'video' ? { devices: ['video'], ...this.#camera(), cameraDeviceId: { exact: deviceId } } : { devices: ['audio'], micDeviceId: deviceId });
      if (!track) return;
      if (muted) await track.mute();
      await this.#replace(type, track);
      this.store.dispatch({ type: 'SETTINGS_UPDATED', settings: type === 'video' ? { cameraDeviceId: deviceId } : { micDeviceId: deviceId } });
    } catch (error) {
      this.#complain(type === 'video' ? 'The camera could not be used' : 'The microphone could not be used', error);
    }
  }

  /** Leaves the room and gives all devices back. */
  async hangup(): Promise<void> {
    const room = this.#room;
    if (!room) return;
    this.#room = undefined;
    const tracks = this.store.getState()['features/base/tracks'].filter(({ local }) => local);
    await room.leave().catch(() => undefined);
    this._room = undefined;
    for (const { jitsiTrack } of tracks) {
      await (jitsiTrack as JitsiLocalTrack).dispose().catch(() => undefined);
      this.#removed(jitsiTrack);
    }
    await this.#connection?.disconnect().catch(() => undefined);
    this.store.dispatch({ type: 'CONFERENCE_LEFT', conference: room });
  }

  async #connect(): Promise<void> {
    const url = new URL(this.config.websocket, document.baseURI);
    const serviceUrl = url.href.replace(/^http/, 'ws');
    const connection = new this.library.JitsiConnection(null, null, { ...this.config, serviceUrl, websocketKeepAlive: -1 });
    const { connection: events } = this.library.events;
    this.#connection = connection;
    await new Promise<void>((resolve, reject) => {
      connection.addEventListener(events['CONNECTION_ESTABLISHED'] ?? '', () => resolve());
      connection.addEventListener(events['CONNECTION_FAILED'] ?? '', (reason: string) => reject(new Error(reason)));
      connection.connect();
    });
  }

  async #initialTracks(devices: readonly ('audio' | 'video')[]): Promise<JitsiLocalTrack[]> {
    if (devices.length === 0) return [];
    try {
      return await this.#create({ devices, ...this.#camera() });
    } catch (error) {
      if (devices.length > 1) return [...(await this.#initialTracks(['audio'])), ...(await this.#initialTracks(['video']))];
      this.#complain(devices[0] === 'audio' ? 'The microphone could not be used' : 'The camera could not be used', error);
      return [];
    }
  }

  /** By property lookup on the captured library object: a plugin may have replaced the method. */
  async #create(options: CreateTracksOptions): Promise<JitsiLocalTrack[]> {
    const background = this.store.getState()['features/virtual-background'];
    const effects = background.backgroundEffectEnabled === true && options.devices.includes('video') ? [new JitsiStreamBackgroundEffect(background)] : [];
    return this.library.createLocalTracks({ ...options, effects });
  }

  #camera(): Pick<CreateTracksOptions, 'cameraDeviceId' | 'resolution' | 'constraints'> {
    const { cameraDeviceId } = this.store.getState()['features/base/settings'];
    return { ...(cameraDeviceId === undefined ? {} : { cameraDeviceId: { exact: cameraDeviceId } }), resolution: this.config.resolution, constraints: this.config.constraints };
  }

  #local(type: 'audio' | 'video'): JitsiLocalTrack | undefined {
    const found = this.store.getState()['features/base/tracks'].find(({ local, mediaType }) => local && mediaType === type);
    return found?.jitsiTrack as JitsiLocalTrack | undefined;
  }

  async #mute(type: 'audio' | 'video', mute: boolean): Promise<void> {
    await this.#inTurn(async () => {
      const track = this.#local(type);
      if (track) await (mute ? track.mute() : track.unmute());
    }).catch((error: unknown) => this.#complain(type === 'video' ? 'The camera could not be started' : 'The microphone could not be started', error));
    // Joined without this device: it is opened at the first unmute.
    if (!mute && !this.#local(type)) {
      const [track] = await this.#initialTracks([type]);
      if (track) await this.#replace(type, track);
    }
  }

  #replace(type: 'audio' | 'video', track: JitsiLocalTrack): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#local(type) ?? null;
      await this.#room?.replaceTrack(old, track);
      if (old) {
        await old.dispose();
        this.#removed(old);
      }
      this.#added(track);
    });
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const run = this.#queue.then(action);
    this.#queue = run.catch(() => undefined);
    return run;
  }

  #openRoom(name: string): JitsiConference {
    const connection = this.#connection;
    if (!connection) throw new Error('not connected');
    const room = connection.initJitsiConference(name, this.config);
    this.#room = room;
    const { conference: events } = this.library.events;
    const on = (event: string, listener: (...values: never[]) => void): void => room.on(events[event] ?? event, listener);
    on('USER_JOINED', (id: string, user: JitsiParticipant) => {
      this.store.dispatch({ type: 'PARTICIPANT_JOINED', participant: { id, name: user.getDisplayName() ?? 'Fellow Jitster', local: false } });
      // The properties of a newcomer are read from the same stanza, after this event.
      setTimeout(() => this.#considerSession());
    });
    on('USER_LEFT', (id: string) => {
      this.store.dispatch({ type: 'PARTICIPANT_LEFT', participant: { id } });
      this.#considerSession();
    });
    on('DISPLAY_NAME_CHANGED', (id: string, displayName: string) => {
      if (id !== room.myUserId()) this.store.dispatch({ type: 'PARTICIPANT_UPDATED', participant: { id, name: displayName, local: false } });
    });
    on('DOMINANT_SPEAKER_CHANGED', (id: string) => this.store.dispatch({ type: 'DOMINANT_SPEAKER_CHANGED', participant: { id } }));
    on('PARTICIPANT_PROPERTY_CHANGED', (user: JitsiParticipant, property: string, before: unknown, now: unknown) => {
      if (property === 'localRecording') this.#announceRecording(user, String(now) === 'true', String(before) === 'true');
    });
    on('P2P_STATUS', (_: JitsiConference, active: boolean) => {
      this.#inSession = active;
      // Without a bridge session the initiator never publishes its mute state, and would look muted.
      if (active) this.#publishMuteState(room);
    });
    on('TRACK_ADDED', (track: JitsiTrack) => {
      if (!track.isLocal()) this.#added(track);
    });
    on('TRACK_REMOVED', (track: JitsiTrack) => {
      if (!track.isLocal()) this.#removed(track);
    });
    on('TRACK_MUTE_CHANGED', (track: JitsiTrack) => this.#updated(track));
    on('KICKED', () => void this.hangup());
    return room;
  }

  #publishMuteState(room: JitsiConference): void {
    room.sendCommand('audiomuted', { value: String(this.isLocalAudioMuted()) });
    room.sendCommand('videomuted', { value: String(this.isLocalVideoMuted()) });
  }

  /** Two in the room: one of them starts the peer-to-peer session, Firefox if there is one. A third ends it. */
  #considerSession(): void {
    const room = this._room;
    // While leaving, the library reports everybody else as gone.
    if (!room || !this.#room) return;
    const peers = room.getParticipants();
    const [peer] = peers;
    if (peers.length !== 1 || !peer) {
      this.#calledPeer = undefined;
      if (this.#inSession) room.stopP2PSession();
      return;
    }
    const here = navigator.userAgent.includes('Firefox');
    const there = peer.getProperty(ENGINE) === 'firefox';
    if (this.#calledPeer === peer.getId() || !(here === there ? room.myUserId() < peer.getId() : here)) return;
    this.#calledPeer = peer.getId();
    room.startP2PSession();
  }

  #added(track: JitsiTrack): void {
    const local = track.isLocal();
    const participantId = local ? (this.#room?.myUserId() ?? 'local') : (track as JitsiRemoteTrack).getParticipantId();
    const videoType = track.getType() === 'video' ? (track.getVideoType?.() ?? track.videoType ?? 'camera') : undefined;
    const state: TrackState = { jitsiTrack: track, local, mediaType: track.getType(), videoType, muted: track.isMuted(), participantId, mirror: local && videoType === 'camera' };
    track.on(this.library.events.track['TRACK_VIDEOTYPE_CHANGED'] ?? '', () => this.#updated(track));
    if (local) {
      track.on(this.library.events.track['TRACK_MUTE_CHANGED'] ?? '', () => this.#updated(track));
      track.on(this.library.events.track['LOCAL_TRACK_STOPPED'] ?? '', () => {
        if (this.#local('video') === track && videoType === 'desktop') void this.toggleScreenSharing(false);
      });
    }
    this.store.dispatch({ type: 'TRACK_ADDED', track: state });
  }

  #updated(track: JitsiTrack): void {
    const videoType = track.getType() === 'video' ? (track.getVideoType?.() ?? track.videoType) : undefined;
    this.store.dispatch({ type: 'TRACK_UPDATED', track: { jitsiTrack: track, muted: track.isMuted(), videoType } });
  }

  #removed(track: JitsiTrack): void {
    this.store.dispatch({ type: 'TRACK_REMOVED', track: { jitsiTrack: track } });
  }

  #announceRecording(user: JitsiParticipant, now: boolean, before: boolean): void {
    if (now === before) return;
    const name = user.getDisplayName() ?? 'Fellow Jitster';
    this.store.dispatch({
      type: 'SHOW_NOTIFICATION',
      uid: `localRecording-${user.getId()}`,
      timeout: 5000,
      props: { title: now ? `${name} has started a local recording` : `${name} has stopped the local recording` },
    });
  }

  #complain(title: string, error: unknown): void {
    this.store.dispatch({ type: 'SHOW_NOTIFICATION', uid: title, timeout: 10_000, props: { title, description: nameOf(error), appearance: 'error' } });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String((error as { name?: string } | null)?.name ?? error);
}
