import {
  FROZEN_SPTE,
  type Gfn,
  HOST_PTE_KSM,
  makeHostPte,
  makeMmioSpte,
  makeSpte,
  type Pfn,
  PT_WRITABLE_MASK,
  SHADOW_NONPRESENT,
  SPTE_MMU_WRITABLE,
  type Spte,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import {
  formatBitmap,
  formatHostPte,
  formatLeaf,
  formatMemslots,
  formatRequests,
  formatRwlock,
} from './formats.ts';

const FAR = (2 ** 20 + 1) as Pfn;
const writable = makeSpte(FAR, true);
const without = (bits: number): Spte => ({ ...writable, low: writable.low & ~bits });

describe('a leaf, as drawings write it', () => {
  it.each<[string, Spte, string]>([
    ['writable', writable, 'pfn1048577 RW'],
    ['protected for the log', without(PT_WRITABLE_MASK), 'pfn1048577 R- (HM)'],
    ['protected for good', without(PT_WRITABLE_MASK | SPTE_MMU_WRITABLE), 'pfn1048577 R- (H)'],
    ['read-only in the host', makeSpte(FAR, false), 'pfn1048577 R-'],
    ['writable against the rules', without(SPTE_MMU_WRITABLE), 'pfn1048577 RW (H)'],
    ['not there', SHADOW_NONPRESENT, '-'],
    ['frozen', FROZEN_SPTE, 'frozen'],
    ['of a device', makeMmioSpte(300, 5 as Gfn), 'mmio gen300'],
  ])('%s', (_, { low, high }, text) => {
    expect(formatLeaf(low, high)).toBe(text);
  });
});

describe('other words, as drawings write them', () => {
  it.each<[string, string, string]>([
    ['a host pte', formatHostPte(makeHostPte(3 as Pfn, HOST_PTE_KSM), 0), 'pfn3 R KSM'],
    ['requests', formatRequests(3, 0), 'QUIESCE|TLB_FLUSH'],
    ['a bitmap', formatBitmap(5, 0), 'hvn0 hvn2'],
    ['a lock that is written under', formatRwlock(1 << 31, 0), 'writing'],
    ['the memslots', formatMemslots(6, 0), 'gen3'],
    ['memslots that are being replaced', formatMemslots(7, 0), 'gen3+'],
    ['a lock that two read under', formatRwlock(2, 0), '2 reading'],
  ])('%s', (_, text, expected) => {
    expect(text).toBe(expected);
  });
});
