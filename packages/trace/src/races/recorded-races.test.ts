import { describe, expect, it } from 'vitest';
import { OF_A_VCPU, OF_FORK, OF_KSMD } from '../../test/recorded-races.ts';
import { reportOf } from '../../test/report-of.ts';
import { drawRace } from './draw-race.ts';

describe('the race of the 2012 review, as kernels recorded it', () => {
  it.each([
    [
      'another vCPU',
      OF_A_VCPU,
      { gfn: 0x10006, change: { task: 'vcpu3', pid: 230 }, notifier: { pid: 230 } },
    ],
    [
      'ksmd',
      OF_KSMD,
      { gfn: 0x102b4, change: { task: 'ksmd', pid: 40 }, notifier: { task: 'ksmd' } },
    ],
    ['the VMM', OF_FORK, { gfn: 0x10211, change: undefined, notifier: { task: 'kvmw', pid: 414 } }],
  ])('is found, with who withdrew the right: %s', (_, lines, found) => {
    const { races, raceCounts } = reportOf(lines);
    expect(raceCounts).toEqual({ withdrawn: 1, changed: 0, repaired: 0, protected_again: 0 });
    expect(races).toMatchObject([{ kind: 'withdrawn', isNotifierCertain: true, ...found }]);
  });

  it('is drawn', () => {
    const [race] = reportOf(OF_KSMD).races;
    if (race === undefined) throw new Error('expected a race, got none');
    const { heading, lines } = drawRace(race);
    expect(`\n${[heading, ...lines].join('\n')}\n`).toMatchInlineSnapshot(`
      "
      right withdrawn in flight, gfn 102b4
                  vcpu0-367 (vCPU 0, CPU 0)                 | ksmd-40 (CPU 1)
           -81.0  kvm_entry: runs the guest                 |
           -63.0                                            | kvm_unmap_hva_range
                                                            |   7ffa6beb4000-7ffa6beb5000
                  writes to gfn 102b4; hardware finds the   |
                    page present and not writable           |
           -60.0                                            | zaps: 113a45e65 [P U A D H M *] -> 0
           -57.0  is handling the fault                     |
             0.0  fast path reads 0: not present, no        |
                    exchange (INVALID)                      |
        +31886.0  kvm_entry: the guest tries again          |
      The fast path could have fixed what hardware saw: exactly the race of the 2012 review.
      "
    `);
  });
});
