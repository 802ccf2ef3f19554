/**
 * Somebody in the meeting, as they can be seen and heard at the moment. Tracks are borrowed: the recorder neither stops
 * nor clones them, for a clone would go on sounding after the meeting muted the original.
 */
export interface Person {
  /** Stays the same while they are there. */
  readonly id: string;
  readonly name: string;
  /** The one who records. */
  readonly local?: boolean;
  /** Microphone, and the sound of a shared screen. What is muted is left out. */
  readonly audio?: readonly MediaStreamTrack[];
  /** The camera, unless it is off. */
  readonly video?: MediaStreamTrack | null;
  readonly screen?: MediaStreamTrack | null;
  /** Is speaking, or was the last to. */
  readonly speaking?: boolean;
}
