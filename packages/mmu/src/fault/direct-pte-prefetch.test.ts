import { describe, expect, it } from 'vitest';
import {
  type Bench,
  eventsOf,
  flagsOf,
  gfnOf,
  hvnOf,
  LOGGED,
  makeBench,
  makeBenchWithSlot,
  READONLY,
  slotOf,
} from '../../test/fixture.ts';
import { testYoung } from '../host/aging.ts';
import { faultInHostPage } from '../host/fault-in.ts';
import { hostPtePfn } from '../host/host-pte.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { pageRefcount, putPage } from '../host/page-frames.ts';
import { protectPages } from '../host/protect-pages.ts';
import type { VmOptions } from '../vm/create-vm.ts';
import { createMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { forEachSpte } from '../vm/tdp-iter.ts';

/** Eight entries to a group, and sixteen to a table. */
const LEGACY: Partial<VmOptions> = { mmu: 'legacy', geometry: { levels: 2, indexBits: 4 } };

/** The VMM itself touches pages of its memory, so that the host has them. */
function hostHas({ agent, vm }: Bench, ...pages: number[]): void {
  for (const page of pages)
    putPage(agent, vm, hostPtePfn(faultInHostPage(agent, vm, hvnOf(page), true)));
}
const ALL = Array.from({ length: 16 }, (_, page) => page);

/** Small leaves by their gfn. */
function mapped({ agent, vm }: Bench): number[] {
  const gfns: number[] = [];
  forEachSpte(agent, vm, (_, level, gfn) => {
    if (level === 1) gfns.push(gfn);
  });
  return gfns.sort((a, b) => a - b);
}
const withPages = (
  pages: readonly number[],
  options: Partial<VmOptions> = {},
  flags = 0,
): Bench => {
  const bench = makeBenchWithSlot(flags, { ...LEGACY, ...options });
  hostHas(bench, ...pages);
  return bench;
};

describe('a fault of the legacy MMU', () => {
  it('maps the other pages of its aligned eight', () => {
    const bench = withPages(ALL);
    bench.guests[0].read(10);
    expect(mapped(bench)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it('tells of its own page first, and then of them in order', () => {
    const bench = withPages([8, 9, 10, 11]);
    const told = eventsOf(bench.agent, () => {
      bench.guests[0].mem.emit = bench.agent.emit;
      bench.guests[0].read(10);
    });
    const set = told.filter(({ event }) => event === 'kvm_mmu_set_spte');
    expect(set).toMatchObject([{ gfn: 10 }, { gfn: 8 }, { gfn: 9 }, { gfn: 11 }]);
  });

  it('leaves A to hardware, so that nobody takes them for accessed', () => {
    const bench = withPages(ALL);
    bench.guests[0].read(10);
    expect([10, 11].map((page) => testYoung(bench.agent, bench.vm, hvnOf(page), 1))).toEqual([
      1, 0,
    ]);
    expect([10, 11].map((gfn) => flagsOf(bench, gfn))).toEqual(['e67', 'e47']);
  });

  it('spares the faults on them', () => {
    const bench = withPages(ALL);
    const [guest] = bench.guests;
    for (const gfn of ALL) guest.write(gfn, gfn);
    expect(guest.vcpu.fault.stat.pf_taken).toBe(2);
    expect(ALL.map((gfn) => guest.read(gfn))).toEqual(ALL);
  });

  it('stops at the first that the host does not have, but goes on behind its own', () => {
    const bench = withPages([8, 10, 12, 13, 15]);
    bench.guests[0].read(12);
    expect(mapped(bench)).toEqual([8, 12, 13]);
  });

  it('goes no further when it has mapped nothing of a run', () => {
    const bench = withPages([12, 13]);
    bench.guests[0].read(12);
    expect(mapped(bench)).toEqual([12]);
  });

  it('maps none that the host would not let it write', () => {
    const bench = withPages(ALL);
    protectPages(bench.agent, bench.vm, hvnOf(11), 1);
    bench.guests[0].read(10);
    expect(mapped(bench)).toEqual([8, 9, 10]);
  });

  it.each([
    ['logged', LOGGED],
    ['read-only', READONLY],
  ])('maps none in a slot that is %s', (_, flags) => {
    const bench = withPages(ALL, {}, flags);
    bench.guests[0].read(10);
    expect(mapped(bench)).toEqual([10]);
  });

  it('leaves no right to write behind when the log begins', () => {
    const bench = withPages(ALL);
    bench.guests[0].read(10);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(flagsOf(bench, 11)).toBe('e45');
  });

  it('maps none of a run that leaves the slot', () => {
    const bench = makeBench(LEGACY);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 13 }));
    hostHas(bench, ...ALL);
    bench.guests[0].read(10);
    expect(mapped(bench)).toEqual([8, 9, 10]);
  });

  it('maps them beside a page that is not memory', () => {
    const bench = makeBench(LEGACY);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 12 }));
    hostHas(bench, ...ALL);
    bench.guests[0].read(12);
    expect(mapped(bench)).toEqual([8, 9, 10, 11]);
  });

  it('maps none while anything is being withdrawn', () => {
    const bench = withPages(ALL);
    const { agent, vm } = bench;
    invalidateRangeStart(agent, vm, hvnOf(0), 1);
    bench.guests[0].read(10);
    expect(mapped(bench)).toEqual([10]);
    invalidateRangeEnd(agent, vm, hvnOf(0), 1);
  });

  it('takes no reference, and the host finds every leaf by its page', () => {
    const bench = withPages(ALL);
    const { agent, vm } = bench;
    bench.guests[0].read(10);
    const pfn = hostPtePfn(faultInHostPage(agent, vm, hvnOf(11), false));
    putPage(agent, vm, pfn);
    expect(pageRefcount(agent, vm, pfn)).toBe(1);
    invalidateRangeStart(agent, vm, hvnOf(8), 8);
    invalidateRangeEnd(agent, vm, hvnOf(8), 8);
    expect(mapped(bench)).toEqual([]);
  });

  it.each<[string, Partial<VmOptions>]>([
    ['without A and D', { adBits: false }],
    ['with ptePrefetch off', { ptePrefetch: false }],
    ['in the TDP MMU', { mmu: 'tdp' }],
    ['in the TDP MMU, whatever is asked', { mmu: 'tdp', ptePrefetch: true }],
  ])('maps its own page alone %s', (_, options) => {
    const bench = withPages(ALL, options);
    bench.guests[0].read(gfnOf(10));
    expect(mapped(bench)).toEqual([10]);
  });
});
