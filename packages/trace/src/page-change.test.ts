import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../test/parse-text.ts';
import { PageChanges } from './page-change.ts';

const changesOf = (...events: string[]) => {
  const changes = new PageChanges();
  const found = parseLines(...events.map(lineOf)).events.map(({ body }) => changes.of(body));
  return found.map((page) => page && `${page.change} ${page.gfn.toString(16)}`);
};
const changed = (from: string, to: string): string =>
  `kvm_tdp_mmu_spte_changed: as id 0 gfn 10f level 1 old_spte ${from} new_spte ${to}`;
const set = (spte: string, level = 1): string =>
  `kvm_mmu_set_spte: gfn 10f spte ${spte} (rwxu) level ${level} at 102db8878`;
const looked = (code: string, fixed: number, now = '123ab7e67'): string =>
  `fast_page_fault: vcpu 0 gva 10f123 error_code ${code} sptep ffff888132 old 0x123ab7e65 new ${now} spurious 0 fixed ${fixed}`;
const [RW, RO, NONE] = ['123ab7e67', '123ab7e65', '8000000000000000'] as const;

describe('a page that becomes writable', () => {
  it('is written: by the fast path, by a change of the TDP MMU, by a leaf that another MMU sets', () => {
    expect(changesOf(looked('P|W|U', 1))).toEqual(['written 10f']);
    expect(changesOf(changed(NONE, RW), changed(RO, RW))).toEqual(['written 10f', 'written 10f']);
    expect(changesOf(set(RW))).toEqual(['written 10f']);
  });

  it('is written once, where the TDP MMU tells of it and the leaf is told of too', () => {
    expect(changesOf(changed(NONE, RW), set(RW))).toEqual(['written 10f', undefined]);
  });

  it('is written although a harvest has protected it again before the event looked', () => {
    expect(changesOf(looked('P|W|U', 1, RO))).toEqual(['written 10f']);
  });
});

describe('a page that loses W', () => {
  it('is protected, if it stays mapped', () => {
    expect(changesOf(changed(RW, RO), changed(RW, NONE))).toEqual(['protected 10f', undefined]);
  });
});

describe('what says nothing of writing', () => {
  it('is a fast path that fixed nothing, or a read, and a leaf that is read-only or large', () => {
    expect(changesOf(looked('P|W|U', 0), looked('P|U', 1), set(RO), set(RW, 2))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
