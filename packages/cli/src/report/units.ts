// Figures of a report as words.
import type { Report } from '@faultline/trace';
import { count, figure } from '../table.ts';

export const NOTHING = '-';
const MIB = 1024 * 1024;
const PAGE_SIZE = 4096;

export type Unit = Report['unit'];

const STEPS: readonly (readonly [below: number, per: number, name: string])[] = [
  [1e3, 1, 'ns'],
  [1e6, 1e3, 'us'],
  [1e9, 1e6, 'ms'],
  [Number.POSITIVE_INFINITY, 1e9, 's'],
];

/** `97.8 us`; of ticks thousands, `148 k`. */
export function duration(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return NOTHING;
  if (unit === 'ticks') return `${figure(value / 1000)} k`;
  const [, per, name] = STEPS.find(([below]) => value < below) ?? [0, 1, 'ns'];
  return `${per === 1 ? count(value) : figure(value / per)} ${name}`;
}

/** What heads of columns with durations say of their unit: nothing where each has its own. */
export const inTicks = (unit: Unit): string => (unit === 'ticks' ? ' ticks' : '');

/** `99.7 %`, and never a hundred of what is not all. */
export function share(part: number, whole: number): string {
  if (whole === 0) return NOTHING;
  const value = (100 * part) / whole;
  if (part < whole && value >= 99.95) return `${(Math.floor(100 * value) / 100).toFixed(2)} %`;
  return `${value.toFixed(1)} %`;
}

/** Heads of columns whose figures come without a unit. */
export const stallHead = (unit: Unit): string => (unit === 'ns' ? 'stall ms' : 'stall Mticks');

/** In milliseconds or millions of ticks, for columns that say so. */
export const millions = (value: number): string => figure(value / 1e6);

/** A point in time as the trace prints it: seconds, or ticks. */
export const pointInTime = (time: number, unit: Unit): string =>
  unit === 'ns' ? (time / 1e6).toFixed(6) : String(time);

export const size = (bytes: number): string =>
  bytes < MIB ? `${figure(bytes / 1024)} KiB` : `${figure(bytes / MIB)} MiB`;
export const sizeOfPages = (pages: number): string => size(pages * PAGE_SIZE);
export const gfn = (number: number): string => number.toString(16);

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;
