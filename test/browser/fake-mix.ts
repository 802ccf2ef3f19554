/**
 * Firefox does not run Web Audio on a machine without a sound device, as test machines are. Its fake microphone takes the
 * place of the page's mixes from here on; encoder, journal and locks remain the real ones.
 */
export async function fakeMix(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  globalThis.AudioContext = class extends EventTarget {
    state = 'running';
    createMediaStreamDestination(): { stream: MediaStream } { return { stream: stream.clone() }; }
    createConstantSource(): object { return { offset: {}, connect: () => undefined, start: () => undefined }; }
    getOutputTimestamp(): AudioTimestamp { return {}; }
    close(): Promise<void> { return Promise.resolve(); }
  } as unknown as typeof AudioContext;
}
