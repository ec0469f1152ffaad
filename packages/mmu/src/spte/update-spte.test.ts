import { describe, expect, it } from 'vitest';
import {
  before,
  eventsOf,
  faultAt,
  flagsOf,
  gfnOf,
  LOGGED,
  lastSpte,
  makeBenchWithSlot,
  operationsOf,
  pfnOf,
  slotOf,
} from '../../test/fixture.ts';
import type { Sptep } from '../address.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import type { Spte } from '../event.ts';
import { fastPageFault } from '../fault/fast-page-fault.ts';
import { makeNonleafSpte, makeSpte } from './make-spte.ts';
import { FROZEN_SPTE, PT_WRITABLE_MASK, SHADOW_NONPRESENT, SPTE_MMU_WRITABLE } from './spte.ts';
import { clearSpteBits, owesFlush, setSpteAtomic, writeSpte } from './update-spte.ts';

const GFN = 3;
const without = ({ low, high }: Spte, bits: number): Spte => ({ low: low & ~bits, high });
const WRITABLE = makeSpte(pfnOf(7), true);
const WRITE_PROTECTED = without(WRITABLE, PT_WRITABLE_MASK);
const TRACKED = without(WRITE_PROTECTED, SPTE_MMU_WRITABLE);
const READ_ONLY = makeSpte(pfnOf(7), false);

function withLeaf() {
  const bench = makeBenchWithSlot(LOGGED);
  bench.guests[0].write(GFN, 1);
  const { sptep } = lastSpte(bench, GFN);
  const entry = { sptep: sptep as Sptep, gfn: gfnOf(GFN), level: 1 };
  const store = (spte: Spte): Spte => {
    bench.agent.store64(sptep, spte.low, spte.high);
    return spte;
  };
  return { bench, entry, store };
}

describe('whoever holds mmu_lock for writing and stores an spte', () => {
  const verbsOf = (seen: Spte, level = 1): string[] => {
    const { bench, entry, store } = withLeaf();
    store(seen);
    const operations = operationsOf(bench.agent, (mem) => {
      writeSpte(mem, { ...entry, level }, seen, SHADOW_NONPRESENT);
    });
    return operations.map(({ verb, order }) => `${verb} ${order}`);
  };

  it('exchanges it where the fast path may set W meanwhile', () => {
    expect(verbsOf(WRITE_PROTECTED)).toEqual(['xchg64 seqcst']);
  });

  it.each([
    ['that is writable already', WRITABLE],
    ['that write tracking protects', TRACKED],
    ['of a read-only host page', READ_ONLY],
    ['that is not present', SHADOW_NONPRESENT],
    ['that is frozen', FROZEN_SPTE],
  ])('stores plainly over one %s', (_, spte) => {
    expect(verbsOf(spte)).toEqual(['store64 plain']);
  });

  it('stores plainly over one that leads to a table', () => {
    expect(verbsOf(makeNonleafSpte(9), 2)).toEqual(['store64 plain']);
  });

  it('learns the W that the fast path has set since it looked', () => {
    const { bench, entry } = withLeaf();
    const { agent, vm, mems } = bench;
    getDirtyLog(agent, vm, 0);
    const seen = lastSpte(bench, GFN);
    const mem = before(agent, { verb: 'xchg64' }, () => {
      fastPageFault(
        mems[0] as typeof agent,
        vm,
        faultAt(bench, GFN, slotOf({ npages: 16, flags: LOGGED })),
      );
    });
    const replaced = writeSpte(mem, entry, seen, SHADOW_NONPRESENT);
    expect(replaced.low).toBe(seen.low | PT_WRITABLE_MASK);
  });

  it('says aloud the value that was really replaced', () => {
    const { bench, entry, store } = withLeaf();
    const seen = store(WRITE_PROTECTED);
    const mem = before(bench.agent, { verb: 'xchg64' }, () => store(WRITABLE));
    const events = eventsOf(bench.agent, () => writeSpte(mem, entry, seen, READ_ONLY));
    expect(events).toEqual([
      {
        event: 'kvm_tdp_mmu_spte_changed',
        as_id: 0,
        gfn: GFN,
        level: 1,
        old_spte: WRITABLE,
        new_spte: READ_ONLY,
      },
    ]);
  });
});

describe('whoever holds mmu_lock for reading and stores an spte', () => {
  it('loses when it has changed', () => {
    const { bench, entry, store } = withLeaf();
    store(WRITABLE);
    expect(setSpteAtomic(bench.agent, entry, WRITE_PROTECTED, SHADOW_NONPRESENT)).toBe(false);
  });

  it('changes nothing when it loses', () => {
    const { bench, entry, store } = withLeaf();
    store(WRITABLE);
    setSpteAtomic(bench.agent, entry, WRITE_PROTECTED, SHADOW_NONPRESENT);
    expect(flagsOf(bench, GFN)).toBe('e67');
  });

  it('says nothing when it loses', () => {
    const { bench, entry, store } = withLeaf();
    store(WRITABLE);
    const lose = () => setSpteAtomic(bench.agent, entry, WRITE_PROTECTED, SHADOW_NONPRESENT);
    expect(eventsOf(bench.agent, lose)).toEqual([]);
  });

  it('compares the high half too', () => {
    const { bench, entry, store } = withLeaf();
    store({ low: WRITABLE.low, high: 1 });
    expect(setSpteAtomic(bench.agent, entry, WRITABLE, SHADOW_NONPRESENT)).toBe(false);
  });
});

describe('clearing bits of a leaf', () => {
  it('keeps what others set meanwhile', () => {
    const { bench, entry, store } = withLeaf();
    store(WRITE_PROTECTED);
    const mem = before(bench.agent, { verb: 'and64' }, () => store(WRITABLE));
    clearSpteBits(mem, entry, SPTE_MMU_WRITABLE);
    expect(flagsOf(bench, GFN)).toBe('a67');
  });

  it('answers the value found', () => {
    const { bench, entry, store } = withLeaf();
    store(WRITABLE);
    expect(clearSpteBits(bench.agent, entry, PT_WRITABLE_MASK)).toEqual(WRITABLE);
  });
});

describe('a change of a leaf', () => {
  it.each([
    ['zaps a writable leaf', WRITABLE, SHADOW_NONPRESENT],
    ['zaps a write-protected leaf', WRITE_PROTECTED, SHADOW_NONPRESENT],
    ['zaps a read-only leaf', READ_ONLY, SHADOW_NONPRESENT],
    ['freezes a leaf', READ_ONLY, FROZEN_SPTE],
    ['takes MMU_WRITABLE and W', WRITABLE, TRACKED],
    ['takes MMU_WRITABLE where W was clear already', WRITE_PROTECTED, TRACKED],
  ])('that %s owes a flush', (_, old, spte) => {
    expect(owesFlush(old, spte)).toBe(true);
  });

  it.each([
    ['maps what was not present', SHADOW_NONPRESENT, WRITABLE],
    ['gives W', WRITE_PROTECTED, WRITABLE],
    ['gives MMU_WRITABLE', READ_ONLY, WRITABLE],
    ['takes W alone, which the reader of the log flushes', WRITABLE, WRITE_PROTECTED],
    ['freezes what was not present', SHADOW_NONPRESENT, FROZEN_SPTE],
  ])('that %s owes none', (_, old, spte) => {
    expect(owesFlush(old, spte)).toBe(false);
  });
});
