// A room of people who are recorded. Each has a tone and a colour; those from afar come through a connection of their
// own, as in a call. Every method answers with plain data, as it is called from outside the browser.
import { Recorder, type Person, type RecorderOptions, type RecorderState, type SaveFormat, type StartRequest } from '../../../recorder';

interface Guest {
  /** Of their tone, Hz, and how loud it is, 0 to 1; 0.2 if nothing is said. */
  frequency: number;
  gain?: number;
  colour: string;
  /** Of the picture, per second; 25 if nothing is said. */
  frames?: number;
  local?: boolean;
}

/**
 * How somebody is muted: `left-out` of the list, as a meeting tells it; `disabled` where they are, so that silence is sent; or
 * `unsent`, so that nothing is.
 */
export type Mute = 'left-out' | 'disabled' | 'unsent';

/** A camera and a microphone, or a screen and its sound, and where they arrive. */
interface Line {
  /** What they send, as opposed to what arrives. */
  readonly sent: readonly MediaStreamTrack[];
  readonly audio: readonly MediaStreamTrack[];
  readonly video: MediaStreamTrack | null;
  /** What their microphone's track is sent by; null of those who are here. */
  readonly sender: RTCRtpSender | null;
  readonly hangUp: () => void;
}

interface Member {
  readonly guest: Guest;
  readonly line: Line;
  readonly screen: Line | null;
  readonly muted: boolean;
  readonly cameraOff: boolean;
}

/** Longer than the recorder takes to fade out: what is cut off before would hide whether it does. Ms. */
const FADED_MS = 200;
/** Of a beep, s. */
const CHIRP_RAMP_S = 0.01;

const context = new AudioContext();
const members = new Map<string, Member>();
let speaker: string | undefined;
const microphones = new Map<MediaStreamAudioDestinationNode, Guest>();
let recorder = new Recorder();
let state: RecorderState = recorder.state;
let watchers: { done: (state: RecorderState) => boolean; resolve: () => void }[] = [];

function sound(guest: Guest): MediaStreamTrack {
  const node = context.createOscillator();
  node.frequency.value = guest.frequency;
  const output = context.createMediaStreamDestination();
  node.connect(new GainNode(context, { gain: guest.gain ?? 0.2 })).connect(output);
  node.start();
  microphones.set(output, guest);
  return output.stream.getAudioTracks()[0] as MediaStreamTrack;
}

/** A tenth of a second from now, for a fifth, without a click. */
function chirp(output: MediaStreamAudioDestinationNode, frequency: number, gain: number): void {
  const node = context.createOscillator();
  node.frequency.value = frequency;
  const gate = new GainNode(context, { gain: 0 });
  node.connect(gate).connect(output);
  const [from, to] = [context.currentTime + 0.1, context.currentTime + 0.3];
  gate.gain.setValueAtTime(0, from).linearRampToValueAtTime(gain, from + CHIRP_RAMP_S).setValueAtTime(gain, to - CHIRP_RAMP_S).linearRampToValueAtTime(0, to);
  node.start(from);
  node.stop(to);
}

/** A plain colour with a line that moves, so that no two frames are the same. */
function picture({ colour, frames = 25 }: Guest, width = 320, height = 180): MediaStreamTrack {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d');
  let frame = 0;
  const timer = setInterval(() => {
    if (track.readyState === 'ended') clearInterval(timer);
    if (pen === null) return;
    pen.fillStyle = colour;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = '#000';
    pen.fillRect(frame++ % width, 0, 2, 20);
  }, 1000 / frames);
  const track = canvas.captureStream(frames).getVideoTracks()[0] as MediaStreamTrack;
  return track;
}

async function describe(connection: RTCPeerConnection): Promise<RTCSessionDescription> {
  const gathered = new Promise<void>((resolve) => {
    connection.addEventListener('icegatheringstatechange', () => { if (connection.iceGatheringState === 'complete') resolve(); });
  });
  await connection.setLocalDescription();
  await gathered;
  if (connection.localDescription === null) throw new Error('The call has no description');
  return connection.localDescription;
}

/** Sends tracks to ourselves through a real connection; answers with what arrives. */
async function call(tracks: readonly MediaStreamTrack[]): Promise<{ arrived: MediaStreamTrack[]; sender: RTCRtpSender | null; hangUp: () => void }> {
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const arrived: MediaStreamTrack[] = [];
  const all = new Promise<void>((resolve) => {
    to.ontrack = ({ track }) => {
      arrived.push(track);
      if (arrived.length === tracks.length) resolve();
    };
  });
  for (const track of tracks) from.addTrack(track, new MediaStream([track]));
  // All candidates at once: one that is told before the other side knows of the call is lost.
  await to.setRemoteDescription(await describe(from));
  await from.setRemoteDescription(await describe(to));
  await all;
  await Promise.all(arrived.filter(({ muted }) => muted).map((track) => new Promise((resolve) => { track.addEventListener('unmute', resolve, { once: true }); })));
  return {
    arrived,
    sender: from.getSenders().find(({ track }) => track?.kind === 'audio') ?? null,
    hangUp: () => {
      from.close();
      to.close();
    },
  };
}

const ofKind = (tracks: readonly MediaStreamTrack[], kind: string): MediaStreamTrack[] => tracks.filter((track) => track.kind === kind);

async function connect(guest: Guest): Promise<Line> {
  const sent = [sound(guest), picture(guest)];
  const { arrived, sender, hangUp } = guest.local === true ? { arrived: sent, sender: null, hangUp: () => undefined } : await call(sent);
  return { sent, audio: ofKind(arrived, 'audio'), video: ofKind(arrived, 'video')[0] ?? null, sender, hangUp };
}

/** Once the recorder has let go of it. */
function end({ sent, hangUp }: Line): void {
  setTimeout(() => {
    hangUp();
    for (const track of sent) track.stop();
  }, FADED_MS);
}

const people = (): Person[] => [...members].map(([id, { guest, line, screen, muted, cameraOff }]) => ({
  id,
  name: id,
  local: guest.local ?? false,
  audio: [...(muted ? [] : line.audio), ...(screen?.audio ?? [])],
  video: cameraOff ? null : line.video,
  screen: screen?.video ?? null,
  speaking: id === speaker,
}));

function change(id: string, to: Partial<Member>): number {
  members.set(id, { ...find(id), ...to });
  return tell();
}

function find(id: string): Member {
  const member = members.get(id);
  if (member === undefined) throw new Error(`${id} is not here`);
  return member;
}

/** What has been recorded until now, ms. */
function recorded(): number {
  return state.kind === 'recording' ? Date.now() - state.since : state.kind === 'paused' ? state.recordedMs : 0;
}

/** Tells the recorder of a change, and when that was. */
function tell(): number {
  recorder.setPeople(people());
  return recorded();
}

const lab = {
  create(options?: RecorderOptions): void {
    recorder = new Recorder(options);
    recorder.subscribe((now) => {
      state = now;
      watchers = watchers.filter(({ done, resolve }) => {
        if (!done(now)) return true;
        resolve();
        return false;
      });
    });
  },

  async join(id: string, guest: Guest): Promise<number> {
    await context.resume();
    members.set(id, { guest, line: await connect(guest), screen: null, muted: false, cameraOff: false });
    return tell();
  },
  leave(id: string): number {
    const { line, screen } = find(id);
    members.delete(id);
    const at = tell();
    end(line);
    if (screen !== null) end(screen);
    return at;
  },
  async mute(id: string, muted: boolean, how: Mute = 'left-out'): Promise<number> {
    const { line: { sent, sender } } = find(id);
    const [microphone = null] = ofKind(sent, 'audio');
    const enable = (): void => { if (microphone !== null) microphone.enabled = !muted; };
    if (how === 'unsent') {
      await sender?.replaceTrack(muted ? null : microphone);
      return recorded();
    }
    if (muted && how === 'left-out') setTimeout(enable, FADED_MS);
    else enable();
    return how === 'left-out' ? change(id, { muted }) : recorded();
  },
  cameraOff: (id: string) => change(id, { cameraOff: true }),
  /** Who speaks, and how the room is arranged from now on. */
  arrange(layout: 'gallery' | 'speaker', id: string): number {
    speaker = id;
    recorder.setPeople(people(), layout);
    return recorded();
  },
  /** Another device, or another way through the network: other tracks with the same content. */
  async reconnect(id: string): Promise<number> {
    const { guest, line: before } = find(id);
    const line = await connect(guest);
    const at = change(id, { line });
    end(before);
    return at;
  },
  /** Another device behind the same connection: the others keep the track that they have. */
  async replace(id: string): Promise<number> {
    const { guest, line } = find(id);
    const [before] = ofKind(line.sent, 'audio');
    const microphone = sound(guest);
    await line.sender?.replaceTrack(microphone);
    before?.stop();
    return change(id, { line: { ...line, sent: [microphone, ...ofKind(line.sent, 'video')] } });
  },
  /** Another microphone of somebody who is here; as in a meeting, the last one is stopped before the recorder is told. */
  async changeMicrophone(id: string, ahead: boolean): Promise<number> {
    const { guest, line } = find(id);
    const microphone = sound(guest);
    if (ahead) await recorder.prepare(microphone);
    for (const track of line.audio) track.stop();
    return change(id, { line: { ...line, sent: [microphone, ...ofKind(line.sent, 'video')], audio: [microphone] } });
  },
  /** A microphone that is opened, and chosen by nobody. */
  prepare: (frequency: number) => recorder.prepare(sound({ frequency, colour: '' })),
  /** Shows a screen with a sound, as well as the camera. */
  async share(id: string, shown: Omit<Guest, 'local'>): Promise<number> {
    const { guest } = find(id);
    const screen = await connect({ ...shown, local: guest.local ?? false });
    return change(id, { screen });
  },
  unshare(id: string): number {
    const { screen } = find(id);
    const at = change(id, { screen: null });
    if (screen !== null) end(screen);
    return at;
  },
  /** One beep that everybody's microphone hears at the same time. */
  beep(frequency: number): void {
    for (const output of microphones.keys()) chirp(output, frequency, 0.2);
  },
  /** Every microphone at the same time, each by so many Hz above its own tone. */
  beepAbove(above: number, gain: number): number {
    for (const [output, { frequency }] of microphones) chirp(output, frequency + above, gain);
    return recorded();
  },

  start: async (request: Omit<StartRequest, 'people'>) => (await recorder.start({ ...request, people: people() })).id,
  pause(): void { recorder.pause(); },
  resume(): void { recorder.resume(); },
  stop: () => recorder.stop(),
  save: (id: string, format: SaveFormat = 'webm') => recorder.save(id, { format }),
  /** Resolves when this many ms are safe on disk. */
  untilSafe: (durationMs: number) => new Promise<void>((resolve) => {
    const done = (now: RecorderState): boolean => now.kind === 'recording' && now.info.durationMs >= durationMs;
    if (done(state)) resolve();
    else watchers.push({ done, resolve });
  }),
};

declare global { var sources: SourcesLab }
export type SourcesLab = typeof lab;
globalThis.sources = lab;
