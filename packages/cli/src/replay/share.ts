// A share that is 100 % only when nothing is left.
import type { Tally } from '@faultline/trace';

/** How much of it agreed outright, as `99.98 %`, rounded down. */
export function share({ agreed, explained, unexplained }: Tally): string {
  const whole = agreed + explained + unexplained;
  return whole === 0 ? '-' : `${(Math.floor((10_000 * agreed) / whole) / 100).toFixed(2)} %`;
}
