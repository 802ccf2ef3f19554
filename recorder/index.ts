export { canCaptureTab } from './capture';
export { RecorderError } from './errors';
export type { Marker, Participant, RecordingInfo, RecordingSource, Segment, Stem } from './journal';
export { formatsOf, type SaveFormat } from './formats';
export type { Person } from './people';
export { canChooseFile, type SaveOptions } from './save';
export { Recorder, type RecorderOptions, type StartRequest } from './recorder';
export type { Layout } from './stage';
export type { RecorderState } from './state';
