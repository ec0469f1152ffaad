import { describe, expect, it } from 'vitest';
import { faultline } from './command.ts';

describe('faultline bench --only', () => {
  it('measures the named parts alone', async () => {
    const { code, out } = await faultline('bench', '--only', 'memory', '--json');
    const { bars } = JSON.parse(out);
    expect(code).toBe(0);
    expect(bars.map(({ name }: { name: string }) => name)).toEqual([
      'bytes beside a page mapped at 4K : 8',
      'bytes beside a page mapped at 2M : 8',
    ]);
  });

  it('says which names there are when it is given another', async () => {
    const { code, err } = await faultline('bench', '--only', 'memory,speed');
    expect(code).not.toBe(0);
    expect(err).toContain('expected one of faults, tail, cpp, tlb, resume, migration, snapshot');
  });
});
