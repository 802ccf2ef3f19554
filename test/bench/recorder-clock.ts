// The clock that a measured recording carries in its picture and sound; the page paints and plays it, the bench reads it back.

/** The picture says its epoch time modulo this, ms, as the number of a mark: below MARK_FRAMES, and a multiple of BEEP_EVERY_MS. */
export const CLOCK_MS = 4000;
/** A beep begins whenever the epoch time is a multiple of this. */
export const BEEP_EVERY_MS = 1000;
export const BEEP_MS = 60;
export const BEEP_HZ = 2000;
