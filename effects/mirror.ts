/** Methods a camera track answers and a generated track does not, or answers about itself. */
const FROM_CAMERA = ['getSettings', 'getConstraints', 'getCapabilities', 'applyConstraints'] as const;

/** What a camera tells its track and a generated track never hears. `ended` comes with the end of the handle itself. */
const EVENTS = ['mute', 'unmute', 'configurationchange'] as const;

/** Tracks made by {@link mirrorCamera}, so that nobody wraps one twice. */
const mirrored = new WeakSet<MediaStreamTrack>();

export const isMirrored = (track: MediaStreamTrack): boolean => mirrored.has(track);

/**
 * Makes a generated track answer as the camera behind it would: label, settings, constraints, capabilities, `muted`,
 * `stop`, `clone` and the events. The camera is released when the track and all of its clones were stopped.
 *
 * The settings are the camera's own because a generator's are empty until its first frame, and applications read width
 * and height at once.
 *
 * @param output is changed and stays the caller's
 * @param camera belongs to `output` from now on
 * @param onRelease called once, after the last handle was stopped: it stops the camera
 */
export const mirrorCamera = (output: MediaStreamTrack, camera: MediaStreamTrack, onRelease: () => void): MediaStreamTrack => {
  const live = new Set<MediaStreamTrack>();
  const over = new AbortController();
  const release = (handle: MediaStreamTrack): void => {
    if (!live.delete(handle) || live.size > 0) return;
    over.abort();
    onRelease();
  };

  const dress = (handle: MediaStreamTrack): MediaStreamTrack => {
    live.add(handle);
    mirrored.add(handle);
    const native = MediaStreamTrack.prototype;
    const own = (name: string, value: unknown): void => {
      Object.defineProperty(handle, name, { value, configurable: true, writable: true });
    };
    for (const name of FROM_CAMERA) {
      // getCapabilities is missing in Firefox: the output must miss it as well.
      if (name in camera) own(name, (...args: unknown[]) => (camera[name] as (...all: unknown[]) => unknown).apply(camera, args));
    }
    for (const name of ['label', 'muted'] as const) Object.defineProperty(handle, name, { get: () => camera[name], configurable: true });
    own('stop', () => {
      native.stop.call(handle);
      release(handle);
    });
    own('clone', () => dress(native.clone.call(handle)));
    handle.addEventListener('ended', () => release(handle), { signal: over.signal });
    return handle;
  };

  for (const type of EVENTS) {
    camera.addEventListener(type, () => {
      for (const handle of [...live]) handle.dispatchEvent(new Event(type));
    }, { signal: over.signal });
  }
  camera.addEventListener('ended', () => {
    for (const handle of [...live]) {
      if (handle.readyState === 'ended') continue;
      stopNatively(handle);
      // stop() by the page fires no event; an unplugged camera must be heard of.
      handle.dispatchEvent(new Event('ended'));
    }
  }, { signal: over.signal });
  return dress(output);
};

const stopNatively = (track: MediaStreamTrack): void => MediaStreamTrack.prototype.stop.call(track);
