// A guest that writes any of some pages, as likely as any other: what it writes anew gets less as they are used up, and over a
// short time it writes at a constant rate. The other way to write fewer new pages in longer times is a power of the time, which
// promises ever higher rates for shorter ones.
import type { RatePoint } from './rate-load.ts';

/** Halvings; 2^-60 is below what a double tells apart. */
const STEPS = 60;

/** Pages written after so many seconds, where that law fits `points`, of rising lengths, better than a power; else undefined. */
export function saturation(
  points: readonly RatePoint[],
): ((seconds: number) => number) | undefined {
  const [first, last] = [points[0], points.at(-1)];
  // Both laws go through any two points: a third one judges.
  if (first === undefined || last === undefined || points.length < 3) return undefined;
  const growth = last.pages / first.pages;
  const longer = last.seconds / first.seconds;
  if (!(growth > 1 && growth < longer)) return undefined;
  const speed = speedOf(growth, longer) / first.seconds;
  const most = first.pages / (1 - Math.exp(-speed * first.seconds));
  const saturating = (seconds: number): number => most * (1 - Math.exp(-speed * seconds));
  const exponent = Math.log(growth) / Math.log(longer);
  const power = (seconds: number): number => first.pages * (seconds / first.seconds) ** exponent;
  return misfit(points, saturating) < misfit(points, power) ? saturating : undefined;
}

/** x of (1 - exp(-x longer)) / (1 - exp(-x)) = growth, which falls from `longer` to 1. */
function speedOf(growth: number, longer: number): number {
  let [from, to] = [0, 1];
  const grows = (x: number): number => Math.expm1(-x * longer) / Math.expm1(-x);
  while (grows(to) > growth) to *= 2;
  for (let step = 0; step < STEPS; step++) {
    const middle = (from + to) / 2;
    if (grows(middle) > growth) from = middle;
    else to = middle;
  }
  return to;
}

const misfit = (points: readonly RatePoint[], law: (seconds: number) => number): number =>
  points.reduce((sum, { seconds, pages }) => sum + Math.log(law(seconds) / pages) ** 2, 0);
