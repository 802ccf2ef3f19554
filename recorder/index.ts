export { RecorderError } from './errors';
export type { Marker, Participant, RecordingInfo, RecordingSource, Segment, Stem } from './journal';
export { Recorder, type RecorderOptions } from './recorder';
export type { RecorderState } from './state';
