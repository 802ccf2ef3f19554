import { Effects } from '../../../effects';

const camera = await navigator.mediaDevices.getUserMedia({ video: true });
const { track } = new Effects().process(camera.getVideoTracks()[0]!, {
  spec: { kind: 'blur', strength: 0.8 },
  cover: { title: 'One moment', detail: 'The picture is coming' },
});
const video = document.createElement('video');
video.srcObject = new MediaStream([track]);
document.body.append(video);
await video.play();
