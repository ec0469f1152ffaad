// How much is written within lengths of time that people know: the mean over the recorded windows.
import type { DirtyLoad } from '@faultline/trace';

const LENGTHS = [0.01, 0.1, 0.3, 1, 3, 10, 100] as const;

export interface WorkingSetPoint {
  readonly seconds: number;
  readonly pages: number;
  readonly bytes: number;
  /** Longer, or shorter, than was recorded. */
  readonly isExtrapolated: boolean;
}

export const workingSetPoints = (load: DirtyLoad): WorkingSetPoint[] =>
  LENGTHS.map((seconds) => {
    const { windows, watchedSeconds, leastSeconds, pageSize } = load;
    let sum = 0;
    for (let window = 0; window < windows; window++) {
      sum += load.written(seconds, ((window + 0.5) / windows) * watchedSeconds);
    }
    const pages = Math.round(sum / windows);
    const isExtrapolated = seconds > watchedSeconds || seconds < leastSeconds;
    return { seconds, pages, bytes: pages * pageSize, isExtrapolated };
  });
