import type { Gfn, KvmTdpMmuSpteChanged } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { KnownSlots, type MemslotMarker } from './known-slots.ts';

const HVA = 0x7f00_0000_0000;
const PAGE = 4096;
const marker = (at: 'begin' | 'end', op: string, gfn: number, errno = 0): MemslotMarker => ({
  ev: 'memslot',
  at,
  op,
  slot: 3,
  gpa: `0x${(gfn * PAGE).toString(16)}`,
  size: 16 * PAGE,
  hva: `0x${HVA.toString(16)}`,
  flags: 0,
  ...(at === 'end' ? { errno } : {}),
});
const NONE = { low: 0, high: 0 };
const leafAt = (gfn: number, level = 1): KvmTdpMmuSpteChanged => ({
  event: 'kvm_tdp_mmu_spte_changed',
  as_id: 0,
  gfn: gfn as Gfn,
  level,
  old_spte: NONE,
  new_spte: NONE,
});
const maps = (slots: KnownSlots, gfn: number, level = 1): boolean =>
  slots.maps(leafAt(gfn, level), HVA + PAGE, HVA + 2 * PAGE);

describe('a slot that the markers tell of', () => {
  const known = (): KnownSlots => {
    const slots = new KnownSlots();
    slots.begin(marker('begin', 'create', 0x1000));
    slots.end(marker('end', 'create', 0x1000));
    return slots;
  };

  it('maps the page of the VMM that lies behind a gfn, and no other', () => {
    expect([0x1000, 0x1001, 0x1002].map((gfn) => maps(known(), gfn))).toEqual([false, true, false]);
  });

  it('maps it by a large leaf around it too', () => {
    expect(maps(known(), 0x1000, 2)).toBe(true);
  });

  it('has both places while it moves, and then the new one', () => {
    const slots = known();
    const places = () => [0x1001, 0x2001].map((gfn) => maps(slots, gfn));
    slots.begin(marker('begin', 'move', 0x2000));
    expect(places()).toEqual([true, true]);
    slots.end(marker('end', 'move', 0x2000));
    expect(places()).toEqual([false, true]);
  });

  it('stays where it is when it cannot be moved', () => {
    const slots = known();
    slots.begin(marker('begin', 'move', 0x2000));
    slots.end(marker('end', 'move', 0x2000, -22));
    expect([0x1001, 0x2001].map((gfn) => maps(slots, gfn))).toEqual([true, false]);
  });

  it('is gone when it has been deleted', () => {
    const slots = known();
    slots.begin(marker('begin', 'delete', 0x1000));
    slots.end(marker('end', 'delete', 0x1000));
    expect([maps(slots, 0x1001), slots.has(3, 0x1001)]).toEqual([false, false]);
  });
});
