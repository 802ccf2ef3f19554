import { ImageSegmenter } from '@mediapipe/tasks-vision';

/** The naive way: MediaPipe's segmenter on the page's thread, on whole frames, and a 2D canvas that is captured. */
export async function naive(camera: MediaStreamTrack, wasm: string, model: string): Promise<MediaStreamTrack> {
  const segmenter = await ImageSegmenter.createFromOptions(
    { wasmLoaderPath: `${wasm}/vision_wasm_internal.js`, wasmBinaryPath: `${wasm}/vision_wasm_internal.wasm` },
    { baseOptions: { modelAssetPath: model, delegate: 'CPU' }, runningMode: 'VIDEO', outputConfidenceMasks: true, outputCategoryMask: false },
  );
  const video = Object.assign(document.createElement('video'), { muted: true, srcObject: new MediaStream([camera]) });
  await video.play();
  const { videoWidth: width, videoHeight: height } = video;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d')!;
  const matte = Object.assign(document.createElement('canvas'), { width, height });
  const matteContext = matte.getContext('2d')!;
  const pixels = new ImageData(width, height);

  const draw = (): void => {
    segmenter.segmentForVideo(video, performance.now(), ({ confidenceMasks }) => {
      const confidence = confidenceMasks![0]!.getAsFloat32Array();
      for (let i = 0; i < confidence.length; i++) pixels.data[4 * i + 3] = confidence[i]! * 255;
    });
    matteContext.putImageData(pixels, 0, 0);
    context.globalCompositeOperation = 'copy';
    context.filter = 'none';
    context.drawImage(matte, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.drawImage(video, 0, 0);
    context.globalCompositeOperation = 'destination-over';
    context.filter = 'blur(25px)';
    context.drawImage(video, 0, 0);
    video.requestVideoFrameCallback(draw);
  };
  draw();
  return canvas.captureStream().getVideoTracks()[0]!;
}
