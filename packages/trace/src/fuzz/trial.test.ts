import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { loadSamples } from './samples.ts';
import { KINDS, kindOf, trial } from './trial.ts';

const samples = loadSamples(join(import.meta.dirname, '../../../../traces/k6.12-tdp-ksm-race'));

describe('a damaged trace', () => {
  it('is read as far as it is sound, or refused with its place', async () => {
    const loaded = await samples;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await trial(loaded, seed);
      }),
      { numRuns: 400 },
    );
  });

  it('ends in every way that there is, for every kind of input', async () => {
    const loaded = await samples;
    const seen = new Set<string>();
    for (let seed = 0; seed < 1500; seed++)
      seen.add(`${kindOf(seed)} ${await trial(loaded, seed)}`);
    for (const kind of KINDS) expect(seen).toContain(`${kind} refused`);
    for (const kind of ['text', 'dat', 'gzip']) expect(seen).toContain(`${kind} damaged`);
  });
});

describe('the damage', () => {
  it('is the same for the same seed, and leaves the sample as it was', () => {
    const sample = Buffer.from(Array.from({ length: 300 }, (_, n) => n & 0xff));
    const copy = Buffer.from(sample);
    expect(mutate(sample, new Random(7))).toEqual(mutate(sample, new Random(7)));
    expect(sample).toEqual(copy);
    expect(mutate(sample, new Random(7))).not.toEqual(mutate(sample, new Random(8)));
  });
});
