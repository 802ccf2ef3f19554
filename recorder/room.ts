import { RecorderError } from './errors';
import type { Person } from './people';
import type { FromRoom, ToRoom } from './room-protocol';
import { drawStage, type Layout, type Scene, type Tile } from './stage';

const SIZE = { width: 1280, height: 720 };
const FRAMES_PER_SECOND = 25;
const PERIOD_MS = 1000 / FRAMES_PER_SECOND;

/** One picture of everybody that lives as long as the recording, whoever comes and goes. */
export interface RoomPicture {
  readonly track: MediaStreamTrack;
  update(people: readonly Person[], layout: Layout): void;
  dispose(): void;
}

/**
 * Draws in a worker where the page can hand tracks over as streams of frames (Chromium), else on the page.
 * @throws RecorderError `unsupported`
 */
export async function openRoom(): Promise<RoomPicture> {
  const worker = await startWorker();
  const streams = typeof MediaStreamTrackProcessor === 'function' && typeof MediaStreamTrackGenerator === 'function';
  return streams && worker !== null ? new WorkerRoom(worker) : new PageRoom(worker);
}

/** Null if its script cannot be had. */
function startWorker(): Promise<Worker | null> {
  const worker = new Worker(/* webpackChunkName: "recorder-room" */ new URL('./room.worker.ts', import.meta.url));
  return new Promise((resolve) => {
    worker.onmessage = () => resolve(worker); // its first word is that it is ready
    worker.onerror = (event) => {
      event.preventDefault();
      console.warn('[greenroom] the room is drawn on the page:', event.message || 'the room worker could not be loaded');
      resolve(null);
    };
  });
}

const postTo = (worker: Worker, message: ToRoom, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);

class WorkerRoom implements RoomPicture {
  readonly track: MediaStreamTrack;
  readonly #worker: Worker;
  readonly #tracks = new Map<string, MediaStreamTrack>();

  constructor(worker: Worker) {
    this.#worker = worker;
    const output = new MediaStreamTrackGenerator({ kind: 'video' });
    this.track = output;
    postTo(worker, { type: 'begin', ...SIZE, periodMs: PERIOD_MS, writable: output.writable }, [output.writable]);
    // Whatever goes wrong in there: an ended picture ends the recording in order.
    worker.onerror = (event) => {
      event.preventDefault();
      output.stop();
      output.dispatchEvent(new Event('ended'));
    };
  }

  update(people: readonly Person[], layout: Layout): void {
    const { scene, tracks } = sceneOf(people, layout);
    postTo(this.#worker, { type: 'scene', scene });
    for (const tile of [...this.#tracks.keys()]) {
      if (tracks.has(tile)) continue;
      this.#tracks.delete(tile);
      postTo(this.#worker, { type: 'close', tile });
    }
    for (const [tile, track] of tracks) {
      if (this.#tracks.get(tile) === track) continue;
      this.#tracks.set(tile, track);
      const { readable } = new MediaStreamTrackProcessor({ track: track as MediaStreamVideoTrack, maxBufferSize: 1 });
      postTo(this.#worker, { type: 'open', tile, readable }, [readable]);
    }
  }

  dispose(): void {
    postTo(this.#worker, { type: 'end' });
    this.track.stop();
  }
}

/** Elements and a canvas. Time comes from the worker, because a hidden page's timers run once a second. */
class PageRoom implements RoomPicture {
  readonly track: MediaStreamTrack;
  readonly #context: CanvasRenderingContext2D;
  readonly #videos = new Map<string, HTMLVideoElement>();
  readonly #end: () => void;
  #scene: Scene = { layout: 'gallery', tiles: [] };

  constructor(worker: Worker | null) {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, SIZE);
    const context = canvas.getContext('2d', { alpha: false });
    const [track] = context === null ? [] : canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks();
    if (context === null || track === undefined) throw new RecorderError('unsupported', 'This browser cannot record a canvas');
    this.#context = context;
    this.track = track;
    if (worker === null) {
      const timer = setInterval(() => this.#draw(), PERIOD_MS);
      this.#end = () => clearInterval(timer);
    } else {
      worker.onmessage = ({ data }: MessageEvent<FromRoom>) => { if (data.type === 'tick') this.#draw(); };
      postTo(worker, { type: 'begin', ...SIZE, periodMs: PERIOD_MS });
      this.#end = () => postTo(worker, { type: 'end' });
    }
    this.#draw();
  }

  update(people: readonly Person[], layout: Layout): void {
    const { scene, tracks } = sceneOf(people, layout);
    this.#scene = scene;
    for (const [tile, video] of [...this.#videos]) {
      if (tracks.has(tile)) continue;
      video.srcObject = null;
      this.#videos.delete(tile);
    }
    for (const [tile, track] of tracks) {
      let video = this.#videos.get(tile);
      if (video === undefined) {
        video = document.createElement('video');
        video.muted = true;
        video.playsInline = true;
        this.#videos.set(tile, video);
      }
      if ((video.srcObject as MediaStream | null)?.getVideoTracks()[0] === track) continue;
      video.srcObject = new MediaStream([track]);
      video.play().catch(() => undefined); // an ended track: there is nothing to see
    }
  }

  dispose(): void {
    this.#end();
    for (const video of this.#videos.values()) video.srcObject = null;
    this.#videos.clear();
    this.track.stop();
  }

  #draw(): void {
    drawStage(this.#context, this.#scene, (id) => {
      const video = this.#videos.get(id);
      return video === undefined || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? undefined : { image: video, width: video.videoWidth, height: video.videoHeight };
    });
  }
}

function sceneOf(people: readonly Person[], layout: Layout): { scene: Scene; tracks: Map<string, MediaStreamTrack> } {
  const tiles: Tile[] = [];
  const tracks = new Map<string, MediaStreamTrack>();
  for (const { id, name, video, screen, speaking = false } of people) {
    for (const [kind, track] of [['screen', screen], ['camera', video]] as const) {
      const live = track?.readyState === 'live';
      if (kind === 'screen' && !live) continue;
      const tile: Tile = { id: `${kind}/${id}`, name, kind, speaking: speaking && kind === 'camera' };
      tiles.push(tile);
      if (live) tracks.set(tile.id, track);
    }
  }
  return { scene: { layout, tiles }, tracks };
}
