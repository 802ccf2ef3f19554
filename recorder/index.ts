export type { CaptureReport } from './capture';
export { RecorderError, type RecorderErrorCode } from './errors';
export type { RecordingInfo } from './journal';
export { Recorder, type RecorderOptions, type StartRequest } from './recorder';
export type { SaveOptions } from './save';
export type { RecorderState } from './state';
