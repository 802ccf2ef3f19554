export { RecorderError } from './errors';
export type { RecordingInfo } from './journal';
export { Recorder, type RecorderOptions } from './recorder';
export type { RecorderState } from './state';
