import { describe, expect, it } from 'vitest';
import {
  changed,
  entry,
  exit,
  fast,
  NOTHING,
  PROTECTED,
  pageFault,
  unmap,
} from '../../test/fault-lines.ts';
import { reportOf } from '../../test/report-of.ts';
import { drawRace } from './draw-race.ts';

const GFN = 0x10042;

function drawn(...others: string[]): string {
  const [race] = reportOf([
    entry(50),
    ...others,
    exit(100),
    pageFault(103, GFN, 0x100000007),
    fast(140, GFN, 'invalid', NOTHING),
    entry(200),
  ]).races;
  if (race === undefined) throw new Error('expected a race, got none');
  const { heading, lines } = drawRace(race);
  return ['', heading, ...lines, ''].join('\n');
}

describe('a race', () => {
  it('is drawn in two columns, time downward, hardware where it must have looked', () => {
    const ksmd = 'ksmd-54';
    expect(
      drawn(
        unmap(98, 0x7f0000042000, 0x7f0000043000, ksmd),
        changed(99, GFN, PROTECTED, NOTHING, ksmd),
      ),
    ).toBe(`
right withdrawn in flight, gfn 10042
            vcpu0-177 (vCPU 0, CPU 2)                 | ksmd-54 (CPU 2)
     -90.0  kvm_entry: runs the guest                 |
     -42.0                                            | kvm_unmap_hva_range
                                                      |   7f0000042000-7f0000043000
            writes to gfn 10042; hardware finds the   |
              page present and not writable           |
     -41.0                                            | zaps: 123abe65 [P U A D H M *] ->
                                                      |   8000000000000000
     -40.0  kvm_exit                                  |
       0.0  fast path reads 8000000000000000: not     |
              present, no exchange (INVALID)          |
     +60.0  kvm_entry: the guest tries again          |
The fast path could have fixed what hardware saw: exactly the race of the 2012 review.
`);
  });

  it('says so where nobody is seen to have done it', () => {
    expect(drawn()).toContain('| somebody: the trace does not tell\n');
  });
});
