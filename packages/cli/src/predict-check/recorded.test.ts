import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratch } from '../../test/command.ts';
import { SOUND, text } from '../../test/trace-text.ts';
import { checkRecorded } from './recorded.ts';

const MIGRATION = join(import.meta.dirname, '../../../../traces/k6.12-legacy-migrate-thp.txt.gz');
const files = scratch();

describe('a recorded migration', () => {
  it('is compared from its third round on, and three rounds as one, with what userspace got', async () => {
    const { log, single, triple } = await checkRecorded(MIGRATION);
    expect(log).toBe('bitmap');
    expect(single.map(({ actual }) => actual)).toEqual([3827, 5114, 4256]);
    expect(triple).toHaveLength(1);
    // Pages of several rounds are fewer than their sum: some were written in more than one.
    expect(triple[0]?.actual).toBeLessThan(3827 + 5114 + 4256);
    for (const { predicted, actual } of single) {
      expect(predicted).toBeGreaterThan(actual / 2);
      expect(predicted).toBeLessThan(actual * 2);
    }
  });
});

describe('a trace that is none', () => {
  it('is refused', async () => {
    const file = files.put('sound.txt', text(...SOUND));
    await expect(checkRecorded(file)).rejects.toThrow('expected more than 2 harvests, got 0');
  });
});
