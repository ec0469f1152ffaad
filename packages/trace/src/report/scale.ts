// Between the trace's time and the report's unit. Durations are kept as whole numbers, in thousandths of the trace's time, which
// is nanoseconds as a rule; where the clock counts ticks, thousandths of those.
import type { Clock } from '../header-reader.ts';
import type { Fault } from './fault.ts';

const PARTS = 1000;

export interface Scale {
  readonly unit: 'ns' | 'ticks';
  /** What one part of a kept duration is in the unit. */
  readonly part: number;
  /** What one of the trace's time is in the unit. */
  readonly time: number;
}

export const scaleOf = (clock: Clock): Scale =>
  clock === 'ticks'
    ? { unit: 'ticks', part: 1 / PARTS, time: 1 }
    : { unit: 'ns', part: 1, time: PARTS };

/** In parts. NaN without a re-entry, and where a clock of each CPU's own ran backwards between the two. */
export const durationOf = ({ began, ended }: Fault): number =>
  ended >= began ? Math.round(PARTS * (ended - began)) : Number.NaN;
