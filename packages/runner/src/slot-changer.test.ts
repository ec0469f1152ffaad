import {
  faultInHostPage,
  type Hvn,
  hostPtePfn,
  KVM_MEM_LOG_DIRTY_PAGES,
  pageBase,
  putPage,
  readMemslots,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { hostPteOf, type OneThread, oneThread } from '../test/fixture.ts';
import { placesOf } from './guests/pluggable.ts';
import { SlotChanger } from './slot-changer.ts';

const changerOf = ({ mem, vm, region }: OneThread): SlotChanger =>
  new SlotChanger(mem, vm, region, KVM_MEM_LOG_DIRTY_PAGES);
const slotsOf = ({ mem, vm }: OneThread) => readMemslots(mem, vm, mem.load32(vm.at.memslots));

/** Steps until the slot is away. */
function takeAway(bench: OneThread, changer: SlotChanger): void {
  do changer.step();
  while (slotsOf(bench).length > 0);
}

describe('a VMM that changes its memslots for a while', () => {
  const bench = oneThread(4);
  const changer = changerOf(bench);
  const places = new Set<number>();
  for (let step = 0; step < 100; step++) {
    changer.step();
    for (const { baseGfn } of slotsOf(bench)) places.add(baseGfn);
  }

  it('does all that it can do', () => {
    const { changed: _, ...did } = changer.stat;
    expect(Object.entries(did).filter(([, times]) => times === 0)).toEqual([]);
  });

  it('uses all places', () => {
    expect([...places].sort((a, b) => a - b)).toEqual(placesOf(bench.region));
  });

  it('finds that nobody wrote what was away', () => {
    expect(changer.stat.changed).toBe(0);
  });
});

describe('memory that is away from the guest', () => {
  it('is found changed if anybody writes it', () => {
    const bench = oneThread(4);
    bench.write(2, 7);
    const changer = changerOf(bench);
    takeAway(bench, changer);
    const base = pageBase(bench.vm, hostPtePfn(hostPteOf(bench, 2)));
    bench.mem.guestStore(base + 1023, 1);
    changer.close();
    expect(changer.stat.changed).toBe(1);
  });

  it('is not changed by a page that the host gives, which is zeros', () => {
    const bench = oneThread(4);
    bench.write(2, 7);
    const changer = changerOf(bench);
    takeAway(bench, changer);
    const pte = faultInHostPage(bench.mem, bench.vm, 1 as Hvn, false);
    putPage(bench.mem, bench.vm, hostPtePfn(pte));
    changer.close();
    expect(changer.stat.changed).toBe(0);
  });
});
