import { describe, expect, it } from 'vitest';
import type { Halves } from '../halves.ts';
import { errorCodeOfQualification, pageFaultErrorCode } from './exit-qualification.ts';
import { SpteLayoutDetector } from './spte-layout.ts';
import { type SpteLayout, viewSpte } from './spte-view.ts';

const word = (value: bigint): Halves => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
});
const view = (value: bigint, layout: SpteLayout, level = 1) => viewSpte(word(value), level, layout);

/** The names of what is true. */
const flags = (value: bigint, layout: SpteLayout, level = 1): string => {
  const of = view(value, layout, level);
  const letters: readonly (readonly [boolean | undefined, string])[] = [
    [of.readable, 'r'],
    [of.writable, 'w'],
    [of.executable, 'x'],
    [of.hostWritable, 'H'],
    [of.mmuWritable, 'M'],
    [of.accessed, 'A'],
    [of.dirty, 'D'],
    [of.accessTracked, 't'],
  ];
  return [of.kind, letters.map(([is, letter]) => (is ? letter : '')).join('')].join(' ');
};

describe("an spte of AMD's nested paging, as real traces have it", () => {
  it.each([
    [0x1_02db_8e67n, 1, 'leaf rwxHMAD'],
    [0x1_02db_8e65n, 1, 'leaf rxHMAD'],
    [0x1_33a8_8825n, 1, 'leaf rxA'],
    [0x1_2380_0ee7n, 2, 'leaf rwxHMAD'],
    [0x1_0347_8827n, 2, 'table rwxA'],
    [0x8000_0000_0000_0000n, 1, 'none '],
    [0n, 1, 'none '],
    [0x8000_0000_0000_05a0n, 1, 'frozen '],
    [0x5a0n, 1, 'frozen '],
    [0x8_0000_d001_0027n, 1, 'mmio '],
  ] as const)('%s at level %i: %s', (value, level, said) => {
    expect(flags(value, 'npt', level)).toBe(said);
  });

  it('has its pfn', () => {
    expect(view(0x1_02db_8e67n, 'npt').pfn).toBe(0x10_2db8);
  });

  it('for MMIO has the gfn and the generation (check_mmio_spte: kvm_gen 4, gfn d0010)', () => {
    expect(view(0x80000d0010027n, 'npt').mmio).toEqual({ gfn: 0xd0010, generation: 4 });
    expect(view(0x800005818c097n, 'npt').mmio).toEqual({ gfn: 0x5818c, generation: 0x12 });
  });

  it('with bit 63 may not be executed', () => {
    expect(flags(0x8000_0001_02db_8e67n, 'npt')).toBe('leaf rwHMAD');
  });
});

describe("an spte of Intel's extended page tables", () => {
  const H = 1n << 57n;
  const M = 1n << 58n;
  const SUPPRESS_VE = 1n << 63n;
  const NO_AD = 1n << 52n;
  const leaf = 0x1_02db_8000n | 0x830n; // pfn, MMU_PRESENT, write-back

  it.each([
    ['writable', SUPPRESS_VE | H | M | leaf | 0x307n, 1, 'leaf rwxHMAD'],
    ['write-protected for the dirty log', SUPPRESS_VE | H | M | leaf | 0x305n, 1, 'leaf rxHMAD'],
    ['of a read-only host page', SUPPRESS_VE | leaf | 0x105n, 1, 'leaf rxA'],
    ['without A and D', SUPPRESS_VE | NO_AD | H | M | leaf | 0x7n, 1, 'leaf rwxHM'],
    ['access-tracked', SUPPRESS_VE | NO_AD | (5n << 54n) | H | M | leaf, 1, 'leaf rxHMt'],
    ['of 2 MiB', SUPPRESS_VE | H | M | leaf | 0x387n, 2, 'leaf rwxHMAD'],
    ['of a table', SUPPRESS_VE | leaf | 0x107n, 2, 'table rwxA'],
    ['execute-only', SUPPRESS_VE | leaf | 0x104n, 1, 'leaf xA'],
    ['of nothing', SUPPRESS_VE, 1, 'none '],
    ['that is frozen', SUPPRESS_VE | 0x5a0n, 1, 'frozen '],
    ['for MMIO', (0xfee00n << 12n) | (4n << 3n) | 6n, 1, 'mmio '],
  ] as const)('%s', (_, value, level, said) => {
    expect(flags(value, 'ept', level)).toBe(said);
  });

  it('for MMIO has the gfn and the generation', () => {
    const value = (0xfee00n << 12n) | (5n << 52n) | (4n << 3n) | 6n;
    expect(view(value, 'ept').mmio).toEqual({ gfn: 0xfee00, generation: 0x504 });
  });

  it('means something else in the other layout: the two must not be mixed up', () => {
    expect(flags(0x1_02db_8e67n, 'ept')).not.toBe(flags(0x1_02db_8e67n, 'npt'));
  });
});

describe('the exit qualification of an EPT violation', () => {
  it.each([
    ['a load of what is not mapped', 0x181, 0x1_0000_0004],
    ['a store to what is not mapped', 0x182, 0x1_0000_0002],
    ['a store to what is write-protected', 0x1aa, 0x1_0000_0003],
    ['a fetch', 0x184, 0x1_0000_0010],
    ["a store by the walk of the guest's page tables", 0x83, 0x2_0000_0006],
    ['an access without a linear address', 0x2a, 0x3],
  ])('becomes an error code: %s', (_, qualification, errorCode) => {
    expect(errorCodeOfQualification(qualification)).toBe(errorCode);
    expect(pageFaultErrorCode(qualification, 'ept')).toBe(errorCode);
    expect(pageFaultErrorCode(qualification, 'npt')).toBe(qualification);
  });
});

describe('the layout of a trace', () => {
  const exit = (reason: string) =>
    ({
      event: 'kvm_exit',
      vcpu_id: 0,
      reason,
      rip: 0,
      info1: { low: 0, high: 0 },
      info2: { low: 0, high: 0 },
      intr_info: 0,
      error_code: 0,
    }) as const;
  const detect = (...reasons: string[]) => {
    const detector = new SpteLayoutDetector();
    for (const reason of reasons) detector.add(exit(reason));
    return detector.found;
  };

  it.each([
    ['EPT_VIOLATION', 'ept'],
    ['EPT_MISCONFIG', 'ept'],
    ['npf', 'npt'],
    ['PF excp', undefined],
  ])('is told by the exit %s', (reason, layout) => {
    expect(detect('interrupt', reason)).toBe(layout);
  });
});
