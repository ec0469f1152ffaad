// What a migration has to know of its guest: how many different pages it writes in a stretch of time. A guest that
// writes the same hundred pages over and over has a high rate by the second and a low one by the minute; a constant rate
// cannot say that, a curve can.

export interface DirtyLoad {
  /** Bytes by which pages are counted and sent. */
  readonly pageSize: number;
  /** All that the first round sends. */
  readonly memoryPages: number;
  /** What is asked of shorter stretches is extrapolated. Seconds. */
  readonly leastSeconds: number;
  /** How long the guest was watched; what is asked of longer stretches is extrapolated. Seconds. */
  readonly watchedSeconds: number;
  /** Different stretches of the recording that an answer may come from. */
  readonly windows: number;
  /**
   * Different pages written within `seconds` after a harvest. `at`: seconds into the recording, which is played over and
   * over, and which window answers.
   */
  written(seconds: number, at: number): number;
}
