import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RateLoad } from './rate-load.ts';
import { readRecordedLoad } from './recorded-load.ts';
import { saturation } from './saturation.ts';

const PAGES = 16_384;
/** Different ones of them, at so many random writes a second. */
const random = (perSecond: number, seconds: number): number =>
  PAGES * (1 - Math.exp((-perSecond * seconds) / PAGES));
const sampled = (
  seconds: readonly number[],
  law: (seconds: number) => number,
): { seconds: number; pages: number }[] =>
  seconds.map((each) => ({ seconds: each, pages: law(each) }));

describe('samples of a guest that writes random pages', () => {
  it('say what it writes in shorter times', () => {
    const law = saturation(sampled([1, 3, 6], (seconds) => random(5000, seconds)));
    expect(law?.(0.1)).toBeCloseTo(random(5000, 0.1), 3);
  });

  it('do so as QEMU measured them, to a fifth', () => {
    const file = join(import.meta.dirname, '../../test/qemu/query-dirty-rate.jsonl');
    const samples = readRecordedLoad(file, readFileSync(file, 'utf8'))?.samples ?? [];
    const load = new RateLoad(samples, 32_768, 4096);
    expect(Math.abs(load.written(0.1, 0) / random(5000, 0.1) - 1)).toBeLessThan(0.2);
  });
});

describe('samples that are a power of the time', () => {
  it('stay one', () => {
    expect(saturation(sampled([1, 4, 16], (seconds) => 1000 * seconds ** 0.5))).toBeUndefined();
  });
});

describe('samples of two lengths, or at a constant rate', () => {
  it('do not say', () => {
    expect(saturation(sampled([1, 6], (seconds) => random(5000, seconds)))).toBeUndefined();
    expect(saturation(sampled([1, 3, 6], (seconds) => 100 * seconds))).toBeUndefined();
  });
});

describe('samples without pages', () => {
  it('do not say', () => {
    expect(saturation(sampled([1, 3, 6], () => 0))).toBeUndefined();
  });
});
