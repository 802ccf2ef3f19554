/** What the gate needs of those who process what comes from the devices. */
export interface GateKeeper {
  /**
   * @param camera fresh from the device; belongs to the result
   * @returns the track that may be handed out
   * @throws when there is none; the caller then gets a NotReadableError and the camera is released
   */
  guard(camera: MediaStreamTrack): MediaStreamTrack;
  /**
   * Is shown each microphone before it is handed out, which is when this settles, either way.
   * @param microphone fresh from the device; belongs to the page
   */
  prepare(microphone: MediaStreamTrack): Promise<void>;
}

type GetUserMedia = (constraints?: MediaStreamConstraints) => Promise<MediaStream>;
type LegacyGetUserMedia = (constraints: MediaStreamConstraints, onStream: (stream: MediaStream) => void, onError: (error: unknown) => void) => void;

/** Names under which browsers and webrtc-adapter keep the callback form. */
const LEGACY_NAMES = ['getUserMedia', 'webkitGetUserMedia', 'mozGetUserMedia'] as const;

/**
 * Puts the keeper between the page and every camera: whatever camera track `getUserMedia` hands out from now on is the
 * keeper's. This is the narrowest place there is: joining, unmuting, changing the device and the application's own
 * previews all come through here, and the application never holds a raw track.
 *
 * Both the prototype's method and an own property of `navigator.mediaDevices` are wrapped: webrtc-adapter, which the
 * library brings along, puts the latter there and keeps the native function to itself.
 */
export const installGate = (keeper: () => GateKeeper): void => {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) return; // no secure origin: no camera either
  const own = Object.getOwnPropertyDescriptor(devices, 'getUserMedia') ? devices.getUserMedia.bind(devices) : undefined;

  const prototype = MediaDevices.prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the receiver it is given
  const native = prototype.getUserMedia;
  define(prototype, 'getUserMedia', function (this: MediaDevices, constraints?: MediaStreamConstraints) {
    return gated((wanted) => native.call(this, wanted), keeper, constraints);
  });
  if (own) define(devices, 'getUserMedia', (constraints?: MediaStreamConstraints) => gated(own, keeper, constraints));

  for (const name of LEGACY_NAMES) {
    if (!(name in navigator)) continue;
    const legacy: LegacyGetUserMedia = (constraints, onStream, onError) => {
      devices.getUserMedia(constraints).then(onStream, onError);
    };
    define(navigator, name, legacy);
  }
};

const define = (target: object, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
};

const gated = async (original: GetUserMedia, keeper: () => GateKeeper, constraints?: MediaStreamConstraints): Promise<MediaStream> => {
  const stream = await original(constraints);
  await prepared(stream.getAudioTracks(), keeper).catch(() => undefined); // nobody is kept from speaking by it
  if (!wantsCamera(constraints)) return stream;
  const cameras = stream.getVideoTracks();
  try {
    const guarded = cameras.map((camera) => keeper().guard(camera));
    // Nothing was put in between: the page gets the very stream it would have had without us.
    if (guarded.every((track, i) => track === cameras[i])) return stream;
    return new MediaStream([...stream.getAudioTracks(), ...guarded]);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw new DOMException(`The camera could not be guarded: ${String(error)}`, 'NotReadableError');
  }
};

const prepared = async (microphones: readonly MediaStreamTrack[], keeper: () => GateKeeper): Promise<void> => {
  for (const microphone of microphones) await keeper().prepare(microphone);
};

/** Screens came through getUserMedia before getDisplayMedia existed, and some applications still ask that way. */
const wantsCamera = (constraints?: MediaStreamConstraints): boolean => {
  const video = constraints?.video;
  if (video === undefined || video === false) return false;
  if (video === true) return true;
  const legacy = video as { mandatory?: { chromeMediaSource?: string }; mediaSource?: string };
  return legacy.mandatory?.chromeMediaSource === undefined && legacy.mediaSource === undefined;
};
