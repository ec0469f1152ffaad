import { describe, expect, it } from 'vitest';
import { overheadBars, overheadOf } from './memory-overhead.ts';

describe('the memory beside a VM of 8 MiB', () => {
  const pages = 2048;
  const small = overheadOf('never', pages);
  const large = overheadOf('always', pages);

  it('has at 4K a table for each 2 MiB and those above, at 2M only those above', () => {
    expect([small.pageTables, large.pageTables]).toEqual([(4 + 3) * 4096, 3 * 4096]);
  });

  it('has a bit of each bitmap for each page, in the log and for its client', () => {
    expect(small.dirtyBitmaps).toBe((2 * pages) / 8);
  });

  it('is set against 8 bytes for each page', () => {
    const [bar] = overheadBars({ ...small, host: 0, rest: 0, dirtyBitmaps: 0 }, large);
    expect(bar?.value).toBe((7 * 4096) / pages / 8);
    expect(bar?.detail).toMatch(/^3\.50 MiB per GiB: page tables 3\.500, /);
  });
});
