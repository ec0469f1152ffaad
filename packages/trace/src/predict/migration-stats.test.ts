import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrationStats } from './migration-stats.ts';
import type { RecordedLoad } from './recorded-load.ts';

const answers = (file: string): string =>
  readFileSync(join(import.meta.dirname, '../../test/qemu', file), 'utf8');
const read = (file: string): RecordedLoad => migrationStats(answers(file)) as RecordedLoad;

/** Different ones of the guest's 64 MiB, when it writes random pages. */
const written = (pagesPerSecond: number, seconds: number): number =>
  16_384 * (1 - Math.exp((-pagesPerSecond * seconds) / 16_384));

describe('a migration that QEMU completed', () => {
  const load = read('query-migrate-completed.jsonl');

  it('has a sample for each round, as long as the round was', () => {
    expect(load.samples).toHaveLength(12);
    expect(load.samples[0]?.seconds).toBeCloseTo(5.14, 1);
    const shortest = Math.min(...load.samples.map(({ seconds }) => seconds));
    expect(shortest).toBeLessThan(0.1);
  });

  it('says how many pages each round made dirty, to a sixth', () => {
    for (const { seconds, pages } of load.samples) {
      expect(Math.abs(pages / written(5000, seconds) - 1)).toBeLessThan(1 / 6);
    }
  });

  it('leaves out the zero pages that its first round found', () => {
    expect(load.memory).toBe(134_750_208 - 476 * 4096);
  });

  it('had its max-bandwidth while the guest ran, and much more afterwards', () => {
    expect((load.bandwidth ?? 0) / 2 ** 20).toBeCloseTo(24, 0);
    expect(load.switchoverBandwidth).toBe(4_912_488 / 0.006);
  });
});

describe('a migration that was cancelled', () => {
  it('says the same by either monitor', () => {
    const [json, text] = [
      read('query-migrate-cancelled.jsonl'),
      read('info-migrate-cancelled.txt'),
    ];
    expect(json.samples).toHaveLength(4);
    expect(text.samples).toHaveLength(4);
    expect(text.memory).toBe(json.memory);
    for (const { samples } of [json, text]) {
      for (const { seconds, pages } of samples) {
        expect(Math.abs(pages / written(20_000, seconds) - 1)).toBeLessThan(0.1);
      }
    }
  });

  it('never sent its rest', () => {
    expect(read('query-migrate-cancelled.jsonl').switchoverBandwidth).toBeUndefined();
  });
});

describe('a migration whose guest was throttled', () => {
  const { samples, format } = read('info-migrate-throttled.txt');

  it('has samples of the time that the guest ran', () => {
    expect(format).toBe('QEMU info migrate');
    const rates = samples
      .filter(({ seconds }) => seconds < 0.5)
      .map(({ pages, seconds }) => pages / seconds);
    for (const rate of rates) expect(rate).toBeGreaterThan(6_000);
  });
});

describe('answers without counts of pages, or one alone', () => {
  it('have samples by their rates', () => {
    const one = answers('query-migrate-completed.jsonl').split('\n')[8] ?? '';
    const { samples } = migrationStats(one) as RecordedLoad;
    expect(samples).toHaveLength(1);
    expect(samples[0]?.seconds).toBe(1);
  });
});

describe('answers from before the first round', () => {
  it('are no migration while it is set up, and refused as too few later', () => {
    const lines = answers('query-migrate-completed.jsonl').split('\n');
    expect(migrationStats(lines.slice(0, 2).join('\n'))).toBeUndefined();
    expect(() => migrationStats(lines.slice(0, 4).join('\n'))).toThrow(
      'before the first dirty rate',
    );
  });
});
