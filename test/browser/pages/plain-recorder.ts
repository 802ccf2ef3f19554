import { Recorder } from '../../../recorder';

const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
const me = { id: 'me', name: 'Me', local: true, audio: camera.getAudioTracks(), video: camera.getVideoTracks()[0] ?? null };
const recorder = new Recorder();
const press = async (): Promise<void> => {
  if (recorder.state.kind === 'recording') await recorder.save((await recorder.stop()).id);
  else await recorder.start({ title: 'Two tracks', source: 'room', people: [me] });
};
document.body.append(Object.assign(document.createElement('button'), { textContent: 'Record', onclick: () => void press() }));
