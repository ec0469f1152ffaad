import { describe, expect, it } from 'vitest';
import {
  before,
  hostPteOf,
  hvnOf,
  makeBench,
  makeBenchWithSlot,
  pfnOf,
  wordsOf,
} from '../../test/fixture.ts';
import type { Pfn } from '../address.ts';
import { faultInHostPage } from './fault-in.ts';
import { hostPtePfn, hostPtep, isHostPteWritable, makeHostPte } from './host-pte.ts';
import {
  allocPage,
  copyPage,
  getPage,
  isSameContent,
  pageRefcount,
  putPage,
  tryGetPage,
} from './page-frames.ts';

const POISON = 0x6b6b_6b6b;

describe('a page frame of the host', () => {
  it('comes with one reference', () => {
    const { agent, vm } = makeBench();
    expect(pageRefcount(agent, vm, allocPage(agent, vm))).toBe(1);
  });

  it('comes with the content asked for', () => {
    const bench = makeBench();
    expect(wordsOf(bench, allocPage(bench.agent, bench.vm, 5))).toEqual([5, 5, 5, 5]);
  });

  it('is not freed while somebody else has a reference', () => {
    const bench = makeBench();
    const pfn = allocPage(bench.agent, bench.vm, 5);
    getPage(bench.agent, bench.vm, pfn);
    putPage(bench.agent, bench.vm, pfn);
    expect(wordsOf(bench, pfn)).toEqual([5, 5, 5, 5]);
  });

  it('is poisoned when the last reference is given back', () => {
    const bench = makeBench();
    const pfn = allocPage(bench.agent, bench.vm, 5);
    putPage(bench.agent, bench.vm, pfn);
    expect(wordsOf(bench, pfn)).toEqual([POISON, POISON, POISON, POISON]);
  });

  it('gives no reference once it is free', () => {
    const { agent, vm } = makeBench();
    const pfn = allocPage(agent, vm);
    putPage(agent, vm, pfn);
    expect(tryGetPage(agent, vm, pfn)).toBe(false);
  });

  it('gives a reference though another thread takes one at the same time', () => {
    const { agent, vm, mems } = makeBench();
    const pfn = allocPage(agent, vm);
    const mem = before(agent, { verb: 'cmpxchg32' }, () =>
      tryGetPage(mems[0] as typeof agent, vm, pfn),
    );
    tryGetPage(mem, vm, pfn);
    expect(pageRefcount(agent, vm, pfn)).toBe(3);
  });

  it('gives no reference when it is freed at the same time', () => {
    const { agent, vm } = makeBench();
    const pfn = allocPage(agent, vm);
    const mem = before(agent, { verb: 'cmpxchg32' }, () => putPage(agent, vm, pfn));
    expect(tryGetPage(mem, vm, pfn)).toBe(false);
  });

  it('can be copied, and then holds the same', () => {
    const { agent, vm } = makeBench();
    const [from, to] = [allocPage(agent, vm, 5), allocPage(agent, vm, 6)];
    copyPage(agent, vm, from, to);
    expect(isSameContent(agent, vm, from, to)).toBe(true);
  });

  it('differs from another if one word does', () => {
    const { agent, vm } = makeBench();
    const [a, b] = [allocPage(agent, vm), allocPage(agent, vm)];
    agent.guestStore(b * vm.pageWords + 3, 1);
    expect(isSameContent(agent, vm, a, b)).toBe(false);
  });
});

describe('a host that has no frame left', () => {
  const exhausted = () => {
    const bench = makeBenchWithSlot();
    const { agent, vm } = bench;
    for (let pfn = 0; pfn < vm.pageFrames; pfn++) allocPage(agent, vm);
    return bench;
  };
  const MESSAGE =
    'expected a free host page, got none of 24; usual cause: fewer pageFrames than hostPages';

  it('says so', () => {
    const { agent, vm } = exhausted();
    expect(() => allocPage(agent, vm)).toThrow(new RangeError(MESSAGE));
  });

  it('hands all of them out before, each once', () => {
    const { agent, vm } = makeBench();
    const frames = Array.from({ length: vm.pageFrames }, () => allocPage(agent, vm));
    expect(new Set(frames).size).toBe(vm.pageFrames);
  });

  it('has frames again when one is given back', () => {
    const { agent, vm } = exhausted();
    putPage(agent, vm, pfnOf(4));
    expect(allocPage(agent, vm)).toBe(4);
  });

  it('holds no lock after a fault that found none', () => {
    const bench = exhausted();
    expect(() => bench.guests[0].write(3, 1)).toThrow(MESSAGE);
    const { host_page_table_lock, free_pages_lock, mmu_lock } = bench.vm.at;
    const locks = [host_page_table_lock, free_pages_lock, mmu_lock];
    expect(locks.map((lock) => bench.agent.load32(lock))).toEqual([0, 0, 0]);
  });
});

describe('a host page faulted in', () => {
  const touched = () => {
    const bench = makeBenchWithSlot();
    bench.guests[0].write(3, 7);
    return { bench, pte: hostPteOf(bench, 3) };
  };
  const faultIn = (bench: ReturnType<typeof makeBench>, mem = bench.agent, write = false): number =>
    faultInHostPage(mem, bench.vm, hvnOf(3), write);

  it('carries a reference', () => {
    const { bench, pte } = touched();
    faultIn(bench);
    expect(pageRefcount(bench.agent, bench.vm, hostPtePfn(pte))).toBe(2);
  });

  it('is writable if a write is meant', () => {
    expect(isHostPteWritable(faultIn(makeBenchWithSlot(), undefined, true))).toBe(true);
  });

  it('is the page that the pte then names, if it was replaced before the reference was had', () => {
    const { bench, pte } = touched();
    const { agent, vm } = bench;
    let replacement: Pfn | undefined;
    const mem = before(agent, { verb: 'cmpxchg32' }, () => {
      replacement = allocPage(agent, vm);
      agent.store32(hostPtep(vm, hvnOf(3)), makeHostPte(replacement, 2));
      putPage(agent, vm, hostPtePfn(pte));
    });
    expect(hostPtePfn(faultIn(bench, mem as typeof agent))).toBe(replacement);
  });

  it('leaves no reference to a frame that was replaced', () => {
    const { bench, pte } = touched();
    const { agent, vm } = bench;
    const reread = { verb: 'load32', address: hostPtep(vm, hvnOf(3)), skip: 1 } as const;
    const mem = before(agent, reread, () => {
      agent.store32(hostPtep(vm, hvnOf(3)), makeHostPte(allocPage(agent, vm), 2));
      putPage(agent, vm, hostPtePfn(pte));
    });
    faultIn(bench, mem as typeof agent);
    expect(pageRefcount(agent, vm, hostPtePfn(pte))).toBe(0);
  });
});

describe('the last frames, when a write to a shared page needs one', () => {
  it('run out without leaving an invalidation open', () => {
    const bench = makeBenchWithSlot();
    const { agent, vm } = bench;
    bench.guests[0].write(3, 7);
    const ptep = hostPtep(vm, hvnOf(3));
    agent.store32(ptep, (agent.load32(ptep) & ~2) | 4);
    while (agent.load32(vm.at.free_pages) > 0) allocPage(agent, vm);
    expect(() => faultInHostPage(agent, vm, hvnOf(3), true)).toThrow('expected a free host page');
    const open = [vm.at.mmu_invalidate_in_progress, vm.at.mn_active_invalidate_count];
    expect(open.map((word) => agent.load32(word))).toEqual([0, 0]);
  });
});
