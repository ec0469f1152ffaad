import { requestsAddress, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  flagsOf,
  gfnOf,
  hvnOf,
  LOGGED,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  slotOf,
} from '../../test/fixture.ts';
import { createMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { invalidateRangeEnd, invalidateRangeStart, isInvalidating } from './mmu-notifier.ts';

const start = ({ agent, vm }: Bench, hvn: number, count: number, mem: Shared = agent): void =>
  invalidateRangeStart(mem, vm, hvnOf(hvn), count);
const end = ({ agent, vm }: Bench, hvn: number, count: number, mem: Shared = agent): void =>
  invalidateRangeEnd(mem, vm, hvnOf(hvn), count);
const counts = ({ agent, vm }: Bench) => ({
  seq: agent.load32(vm.at.mmu_invalidate_seq),
  inProgress: agent.load32(vm.at.mmu_invalidate_in_progress),
});
const heldBack = ({ agent, vm }: Bench): number[] =>
  Array.from({ length: 16 }, (_, gfn) => gfn).filter((gfn) =>
    isInvalidating(agent, vm, gfnOf(gfn)),
  );

/** gfns 2 to 6 are written. */
function mapped(): Bench {
  const bench = makeBenchWithSlot();
  for (const gfn of [2, 3, 4, 5, 6]) bench.guests[0].write(gfn, gfn);
  return bench;
}

describe('an invalidation of a range of host pages', () => {
  it('zaps the leaves of the range, also across tables, and no others', () => {
    const bench = mapped();
    start(bench, 3, 3);
    expect([2, 3, 4, 5, 6].map((gfn) => flagsOf(bench, gfn))).toEqual([
      'e67',
      '0',
      '0',
      '0',
      'e67',
    ]);
  });

  it('flushes every vCPU before it releases mmu_lock', () => {
    const bench = mapped();
    const operations = operationsOf(bench.agent, (mem) => start(bench, 3, 1, mem));
    const at = (verb: string, address: number) =>
      operations.findIndex((operation) => operation.verb === verb && operation.address === address);
    const requests = [0, 1].map((vcpu) => at('or32', requestsAddress(vcpu)));
    const [locked, unlocked] = [
      at('writeLock', bench.vm.at.mmu_lock),
      at('writeUnlock', bench.vm.at.mmu_lock),
    ];
    expect(requests.every((request) => request > locked && request < unlocked)).toBe(true);
  });

  it('flushes nobody when nothing was mapped', () => {
    const bench = makeBenchWithSlot();
    const operations = operationsOf(bench.agent, (mem) => start(bench, 3, 1, mem));
    expect(operations.filter(({ verb }) => verb === 'or32')).toEqual([]);
  });

  it('makes the next access of a vCPU that had it in its TLB fault', () => {
    const bench = mapped();
    const [guest] = bench.guests;
    const taken = guest.vcpu.stat.pf_taken;
    start(bench, 3, 1);
    end(bench, 3, 1);
    guest.read(3);
    expect(guest.vcpu.stat.pf_taken).toBe(taken + 1);
  });

  it('is in progress from its start', () => {
    const bench = mapped();
    start(bench, 3, 1);
    expect(counts(bench)).toEqual({ seq: 0, inProgress: 1 });
  });

  it('has moved the sequence number at its end', () => {
    const bench = mapped();
    start(bench, 3, 1);
    end(bench, 3, 1);
    expect(counts(bench)).toEqual({ seq: 1, inProgress: 0 });
  });

  it('moves the sequence number before it says that it is over', () => {
    const bench = mapped();
    start(bench, 3, 1);
    const operations = operationsOf(bench.agent, (mem) => end(bench, 3, 1, mem));
    const added = operations.filter(({ verb }) => verb === 'add32').map(({ address }) => address);
    const { at } = bench.vm;
    expect(added.slice(0, 2)).toEqual([at.mmu_invalidate_seq, at.mmu_invalidate_in_progress]);
  });

  it('wakes whoever waits for its end', () => {
    const bench = mapped();
    start(bench, 3, 1);
    const operations = operationsOf(bench.agent, (mem) => end(bench, 3, 1, mem));
    const notified = operations.filter(({ verb }) => verb === 'notify');
    const { mmu_invalidate_in_progress, mn_active_invalidate_count } = bench.vm.at;
    expect(notified.map(({ address }) => address)).toEqual([
      mmu_invalidate_in_progress,
      mn_active_invalidate_count,
    ]);
  });

  it('holds back the faults of its range, and no others', () => {
    const bench = mapped();
    start(bench, 3, 3);
    expect(heldBack(bench)).toEqual([3, 4, 5]);
  });

  it('holds back nobody after its end', () => {
    const bench = mapped();
    start(bench, 3, 3);
    end(bench, 3, 3);
    expect(heldBack(bench)).toEqual([]);
  });

  it('is told with its range in bytes', () => {
    const bench = mapped();
    expect(eventsOf(bench.agent, () => start(bench, 3, 2))[0]).toEqual({
      event: 'kvm_unmap_hva_range',
      start: 3 * 4096,
      end: 5 * 4096,
    });
  });

  it('releases mmu_lock and the memslots', () => {
    const bench = mapped();
    start(bench, 3, 3);
    end(bench, 3, 3);
    const { mmu_lock, mn_invalidate_lock, mn_active_invalidate_count } = bench.vm.at;
    const words = [mmu_lock, mn_invalidate_lock, mn_active_invalidate_count];
    expect(words.map((word) => bench.agent.load32(word))).toEqual([0, 0, 0]);
  });
});

describe('two invalidations at once', () => {
  const both = (): Bench => {
    const bench = mapped();
    start(bench, 2, 1);
    start(bench, 6, 1);
    return bench;
  };

  it('hold back one range that covers both', () => {
    expect(heldBack(both())).toEqual([2, 3, 4, 5, 6]);
  });

  it('hold back the larger range, when one lies in the other', () => {
    const bench = mapped();
    start(bench, 2, 5);
    start(bench, 3, 1);
    expect(heldBack(bench)).toEqual([2, 3, 4, 5, 6]);
  });

  it('hold it back until the last has ended', () => {
    const bench = both();
    end(bench, 2, 1);
    expect(heldBack(bench)).toEqual([2, 3, 4, 5, 6]);
  });

  it('leave nothing in progress', () => {
    const bench = both();
    end(bench, 2, 1);
    end(bench, 6, 1);
    expect(counts(bench)).toEqual({ seq: 2, inProgress: 0 });
  });

  it('leave the next one a range of its own', () => {
    const bench = both();
    end(bench, 2, 1);
    end(bench, 6, 1);
    start(bench, 4, 1);
    expect(heldBack(bench)).toEqual([4]);
  });
});

describe('an invalidation of pages of two memslots', () => {
  const twoSlots = (): Bench => {
    const bench = makeBench();
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, baseGfn: 8, npages: 4, hvn: 0 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 0, npages: 4, hvn: 4 }));
    for (const gfn of [11, 0, 1]) bench.guests[0].write(gfn, 1);
    return bench;
  };

  it('zaps where each slot has them', () => {
    const bench = twoSlots();
    start(bench, 3, 2);
    expect([11, 0, 1].map((gfn) => flagsOf(bench, gfn))).toEqual(['0', '0', 'e67']);
  });

  it('comes to an end for both', () => {
    const bench = twoSlots();
    start(bench, 3, 2);
    end(bench, 3, 2);
    expect(counts(bench).inProgress).toBe(0);
  });
});

describe('an invalidation of pages that no memslot has', () => {
  it('holds back nobody', () => {
    const bench = makeBench();
    start(bench, 3, 2);
    expect(counts(bench)).toEqual({ seq: 0, inProgress: 0 });
  });
});

describe('the memslots under an open invalidation', () => {
  it('stay as they are until its end', () => {
    const bench = mapped();
    start(bench, 3, 1);
    const { memslots, mn_active_invalidate_count: open } = bench.vm.at;
    const generation = bench.agent.load32(memslots);
    let seen = -1;
    const mem = before(bench.agent, { verb: 'waitUntil', address: open }, () => {
      seen = bench.agent.load32(memslots);
      end(bench, 3, 1);
    });
    setMemslotFlags(mem, bench.vm, 0, LOGGED);
    expect([seen, bench.agent.load32(memslots)]).toEqual([generation, generation + 2]);
  });
});
