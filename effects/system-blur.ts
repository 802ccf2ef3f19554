/** Newer than the DOM types: https://w3c.github.io/mediacapture-extensions/#background-blur-and-eye-gaze */
interface BlurMetadata {
  readonly backgroundBlur?: { readonly enabled?: boolean };
}

/**
 * Whether the operating system has blurred the room in this very frame. The frame's own word counts; one that says
 * nothing goes by its track.
 *
 * @param byTrack what {@link trackIsBlurred} says of the camera
 */
export const isBlurredBySystem = (frame: VideoFrame, byTrack: boolean): boolean => {
  const { metadata } = frame as { metadata?: () => BlurMetadata };
  return metadata?.call(frame).backgroundBlur?.enabled ?? byTrack;
};

/** Whether the camera's settings say that the system blurs; where they say nothing, it counts as off. */
export const trackIsBlurred = (camera: MediaStreamTrack): boolean => (camera.getSettings() as { backgroundBlur?: boolean }).backgroundBlur === true;
