import { describe, expect, it } from 'vitest';
import {
  type Bench,
  eventsOf,
  flagsOf,
  gfnOf,
  itOfTdp,
  lastSpte,
  makeBench,
  operationsOf,
  slotOf,
} from '../../test/fixture.ts';
import { MMIO_SPTE_GEN_MASK, makeMmioSpte } from '../spte/mmio-spte.ts';
import { isMmioSpte, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { setSpteAtomic } from '../spte/update-spte.ts';
import { createMemslot } from './set-memory-region.ts';
import { invalidateMmioSptes } from './zap-mmio.ts';

const DEVICE = 9;
const LAST = MMIO_SPTE_GEN_MASK << 1;

const isMarked = (bench: Bench, gfn = DEVICE): boolean => {
  const { low, high } = lastSpte(bench, gfn);
  return isMmioSpte(low, high);
};
/** Gfns 0 to 7 are memory, the rest is not; gfns 1, 9 and 13 have been accessed. */
function touched(): Bench {
  const bench = makeBench();
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
  for (const gfn of [1, DEVICE, 13]) bench.guests[0].write(gfn, 1);
  return bench;
}
/** The slots are replaced for the 2^19th time. */
function wrap(bench: Bench): void {
  bench.agent.store32(bench.vm.at.memslots, LAST);
  createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 12, hvn: 8 }));
}

describe('the first generation of a round', () => {
  it('takes no large leaf for a table', () => {
    const bench = makeBench({ transparentHugepage: 'always' });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
    bench.guests[0].write(1, 1);
    const { low, high } = lastSpte(bench, 1);
    expect(lastSpte(bench, 1)).toMatchObject({ level: 2 });
    const { root } = bench.vm;
    const loads = operationsOf(bench.agent, (mem) => invalidateMmioSptes(mem, bench.vm, 0))
      .filter(({ verb }) => verb === 'load64')
      .map(({ address }) => address);
    expect(loads).toEqual([0, 8, 16, 24].map((offset) => root + offset));
    expect(lastSpte(bench, 1)).toMatchObject({ low, high });
  });

  it('finds no MMIO spte of another', () => {
    const bench = touched();
    invalidateMmioSptes(bench.agent, bench.vm, 0);
    expect([isMarked(bench), isMarked(bench, 13)]).toEqual([false, false]);
  });

  it('finds memory mapped as it was', () => {
    const bench = touched();
    invalidateMmioSptes(bench.agent, bench.vm, 0);
    expect(flagsOf(bench, 1)).toBe('e67');
  });

  it('flushes nobody: no TLB holds an MMIO spte', () => {
    const bench = touched();
    const operations = operationsOf(bench.agent, (mem) => invalidateMmioSptes(mem, bench.vm, 0));
    expect(operations.filter(({ verb }) => verb === 'or32')).toEqual([]);
  });

  it('keeps faults out while it zaps', () => {
    const bench = touched();
    const operations = operationsOf(bench.agent, (mem) => invalidateMmioSptes(mem, bench.vm, 0));
    const ends = [operations[0], operations.at(-1)];
    expect(ends.map((operation) => operation?.verb)).toEqual(['writeLock', 'writeUnlock']);
  });

  itOfTdp('tells of each spte that goes', () => {
    const bench = touched();
    const events = eventsOf(bench.agent, () => invalidateMmioSptes(bench.agent, bench.vm, 0));
    expect(events).toMatchObject([
      { event: 'kvm_tdp_mmu_spte_changed', gfn: DEVICE, new_spte: SHADOW_NONPRESENT },
      { event: 'kvm_tdp_mmu_spte_changed', gfn: 13, new_spte: SHADOW_NONPRESENT },
    ]);
  });

  it('comes after generation 2^19 - 1, before anybody can know it', () => {
    const bench = touched();
    wrap(bench);
    expect([isMarked(bench), bench.agent.load32(bench.vm.at.memslots)]).toEqual([false, LAST + 2]);
  });

  it('takes no MMIO spte of the round before for its own', () => {
    const bench = makeBench();
    bench.guests[0].read(12);
    const { sptep, low, high } = lastSpte(bench, 12);
    const ofZero = makeMmioSpte(0, gfnOf(12));
    setSpteAtomic(
      bench.agent,
      { sptep: sptep as never, gfn: gfnOf(12), level: 1 },
      { low, high },
      ofZero,
    );
    wrap(bench);
    expect(bench.guests[0].write(12, 7)).toBe(true);
  });
});

describe('any other generation', () => {
  it.each([1, 2, MMIO_SPTE_GEN_MASK])('(%i) zaps nothing', (generation) => {
    const bench = touched();
    const operations = operationsOf(bench.agent, (mem) =>
      invalidateMmioSptes(mem, bench.vm, generation),
    );
    expect(operations).toEqual([]);
  });
});
