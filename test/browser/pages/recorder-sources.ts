// A room of people who are recorded. Each has a tone and a colour; those from afar come through a connection of their
// own, as in a call. Every method answers with plain data, as it is called from outside the browser.
import { Recorder, type Person, type RecorderOptions, type RecorderState, type StartRequest } from '../../../recorder';

interface Guest { frequency: number; colour: string; local?: boolean }

interface Member {
  readonly guest: Guest;
  person: Person;
  /** What they send, as opposed to what arrives. */
  sent: MediaStreamTrack[];
  hangUp: () => void;
}

const context = new AudioContext();
const members = new Map<string, Member>();
let recorder = new Recorder();
let state: RecorderState = recorder.state;
let watchers: { done: (state: RecorderState) => boolean; resolve: () => void }[] = [];

function sound(frequency: number): MediaStreamTrack {
  const node = context.createOscillator();
  node.frequency.value = frequency;
  const output = context.createMediaStreamDestination();
  node.connect(new GainNode(context, { gain: 0.2 })).connect(output);
  node.start();
  return output.stream.getAudioTracks()[0] as MediaStreamTrack;
}

/** A plain colour with a line that moves, so that no two frames are the same. */
function picture(colour: string, width = 320, height = 180): MediaStreamTrack {
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
  }, 40);
  const track = canvas.captureStream(25).getVideoTracks()[0] as MediaStreamTrack;
  return track;
}

/** Sends tracks to ourselves through a real connection; answers with what arrives. */
async function call(tracks: readonly MediaStreamTrack[]): Promise<{ arrived: MediaStreamTrack[]; hangUp: () => void }> {
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
  to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
  const arrived: MediaStreamTrack[] = [];
  const all = new Promise<void>((resolve) => {
    to.ontrack = ({ track }) => {
      arrived.push(track);
      if (arrived.length === tracks.length) resolve();
    };
  });
  for (const track of tracks) from.addTrack(track, new MediaStream([track]));
  await from.setLocalDescription();
  if (from.localDescription !== null) await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  if (to.localDescription !== null) await from.setRemoteDescription(to.localDescription);
  await all;
  await Promise.all(arrived.filter(({ muted }) => muted).map((track) => new Promise((resolve) => { track.addEventListener('unmute', resolve, { once: true }); })));
  return {
    arrived,
    hangUp: () => {
      from.close();
      to.close();
    },
  };
}

const ofKind = (tracks: readonly MediaStreamTrack[], kind: string): MediaStreamTrack[] => tracks.filter((track) => track.kind === kind);

async function connect(id: string, guest: Guest): Promise<Member> {
  const sent = [sound(guest.frequency), picture(guest.colour)];
  const { arrived, hangUp } = guest.local === true ? { arrived: sent, hangUp: () => undefined } : await call(sent);
  const person: Person = { id, name: id, local: guest.local ?? false, audio: ofKind(arrived, 'audio'), video: ofKind(arrived, 'video')[0] ?? null };
  return { guest, person, sent, hangUp };
}

function end({ sent, hangUp }: Member): void {
  hangUp();
  for (const track of sent) track.stop();
}

const people = (): Person[] => [...members.values()].map(({ person }) => person);

function find(id: string): Member {
  const member = members.get(id);
  if (member === undefined) throw new Error(`${id} is not here`);
  return member;
}

/** What has been recorded until now, ms. */
function recorded(): number {
  return state.kind === 'recording' ? Date.now() - state.since : 0;
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
    members.set(id, await connect(id, guest));
    return tell();
  },
  leave(id: string): number {
    const member = find(id);
    members.delete(id);
    const at = tell();
    end(member);
    return at;
  },
  /** As a meeting tells it: the track stays, but is not to be heard. */
  mute(id: string, muted: boolean): number {
    const member = find(id);
    const { audio = [] } = member.person;
    for (const track of member.sent) if (track.kind === 'audio') track.enabled = !muted;
    if (muted) {
      const unmuted = audio;
      member.person = { ...member.person, audio: [] };
      member.hangUp = ((before) => () => { before(); heard.delete(id); })(member.hangUp);
      heard.set(id, unmuted);
    } else member.person = { ...member.person, audio: heard.get(id) ?? audio };
    return tell();
  },
  cameraOff(id: string): number {
    const member = find(id);
    member.person = { ...member.person, video: null };
    return tell();
  },
  /** Another device, or another way through the network: other tracks with the same content. */
  async reconnect(id: string): Promise<number> {
    const before = find(id);
    members.set(id, await connect(id, before.guest));
    const at = tell();
    end(before);
    return at;
  },

  start: async (request: Omit<StartRequest, 'people'>) => (await recorder.start({ ...request, people: people() })).id,
  stop: () => recorder.stop(),
  save: (id: string) => recorder.save(id),
  /** Resolves when this many ms are safe on disk. */
  untilSafe: (durationMs: number) => new Promise<void>((resolve) => {
    const done = (now: RecorderState): boolean => now.kind === 'recording' && now.info.durationMs >= durationMs;
    if (done(state)) resolve();
    else watchers.push({ done, resolve });
  }),
};

const heard = new Map<string, readonly MediaStreamTrack[]>();

declare global { var sources: SourcesLab }
export type SourcesLab = typeof lab;
globalThis.sources = lab;
