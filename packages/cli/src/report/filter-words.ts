// The words that choose faults: --time A,B and --gfn A-B, as perf and the kernel write them.
import { InvalidArgumentError } from 'commander';

type Range = readonly [from: number, to: number];

/** Whole numbers from here on are ticks of a clock that counts those; a host is not up for thirty years. */
const TICKS_FROM = 1e9;

/** `8.65,9.2`, either may be left out: seconds as the trace prints them, or ticks. In the trace's time. */
export function timeRange(text: string): Range {
  const match = /^(\d*\.?\d*),(\d*\.?\d*)$/.exec(text.trim());
  const range = match && bounds(match[1] ?? '', match[2] ?? '', pointOf);
  if (range === null) throw new InvalidArgumentError('expected FROM,TO in seconds as 8.65,9.2.');
  return range;
}

function pointOf(text: string): number {
  const value = Number(text);
  return value >= TICKS_FROM && !text.includes('.') ? value : value * 1e6;
}

/** `10000-103ff` or `10000`: hexadecimal, as the kernel prints them. */
export function gfnRange(text: string): Range {
  const match = /^(?:0x)?([0-9a-f]{1,13})(?:-(?:0x)?([0-9a-f]{1,13}))?$/i.exec(text.trim());
  const hex = (digits: string): number => Number.parseInt(digits, 16);
  const range = match && bounds(match[1] ?? '', match[2] ?? match[1] ?? '', hex);
  if (range === null) {
    throw new InvalidArgumentError('expected FIRST-LAST in hexadecimal as 10000-103ff.');
  }
  return range;
}

function bounds(from: string, to: string, read: (text: string) => number): Range | null {
  const first = from === '' ? Number.NEGATIVE_INFINITY : read(from);
  const last = to === '' ? Number.POSITIVE_INFINITY : read(to);
  return first <= last ? [first, last] : null;
}
