// Result: Sometimes
//
// The fast path on an indirect table: the same spte value comes back for another gfn, and the wrong page is marked.
// Source: Documentation/virt/kvm/locking.rst, exception 1.
import type { Shared } from '@faultline/atomics';
import {
  isMmuWritable,
  isWritable,
  makeSpte,
  type Pfn,
  PT_WRITABLE_MASK,
  SHADOW_NONPRESENT,
} from '@faultline/mmu';
import { formatLeaf } from '../formats.ts';
import type { Litmus } from '../litmus.ts';

const SPTE = 0x1000;
/** sp->gfns[]: which gfn the entry of a shadowed guest table maps. */
const GFNS = 0x1040;
const DIRTY = 0x1080;
const LOCK = 0x10c0;
const GFN1 = 1;
const GFN2 = 2;

const { low, high } = makeSpte(1 as Pfn, true);
const PROTECTED = { low: low & ~PT_WRITABLE_MASK, high };

function fastPath(mem: Shared): void {
  const old = mem.load64(SPTE);
  const oldHigh = mem.high;
  if (isWritable(old) || !isMmuWritable(old)) return;
  const gfn = mem.load32(GFNS);
  if (!mem.cmpxchg64(SPTE, old, oldHigh, old | PT_WRITABLE_MASK, oldHigh)) return;
  mem.or32(DIRTY, 1 << gfn);
}

function swapOutAndReuse(mem: Shared): void {
  // The host swaps gfn1 out, and gives its frame to gfn2.
  mem.lock(LOCK);
  mem.xchg64(SPTE, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  mem.unlock(LOCK);
  // The guest lets the same entry of its own table lead to gfn2, and reads it: a slow fault maps it read-only.
  mem.lock(LOCK);
  mem.store32(GFNS, GFN2);
  mem.store64(SPTE, PROTECTED.low, PROTECTED.high);
  mem.unlock(LOCK);
}

export const abaIndirect: Litmus = {
  name: 'aba-indirect',
  title: 'The fast path on an indirect table: the same spte comes back for another gfn.',
  result: 'Sometimes',
  violates: 'a page that can be written is marked',
  source: 'Documentation/virt/kvm/locking.rst, exception 1',
  story:
    'The fast path has read the spte of gfn1 and which gfn it is for. The host swaps gfn1 out and reuses the frame for ' +
    'gfn2, and the guest maps gfn2 at the same place. The cmpxchg succeeds, and gfn1 is marked while gfn2 is written.',
  fix: 'Only direct tables, whose position names the gfn. (Or hold the frame: then it is neither freed nor merged.)',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  pair: 'aba-direct',
  program: () => ({
    name: 'aba-indirect',
    threads: { vcpu0: fastPath, host: swapOutAndReuse },
    setup: (mem) => {
      mem.store64(SPTE, PROTECTED.low, PROTECTED.high);
      mem.store32(GFNS, GFN1);
    },
    finally: {
      'a page that can be written is marked': (mem) =>
        !isWritable(mem.load64(SPTE)) || ((mem.load32(DIRTY) >>> mem.load32(GFNS)) & 1) === 1,
    },
    words: [
      { name: 'spte', address: SPTE, bytes: 8, format: formatLeaf },
      { name: 'gfns', address: GFNS, format: (gfn) => `gfn${gfn}` },
      { name: 'dirty log', address: DIRTY, format: formatGfns },
      { name: 'mmu_lock', address: LOCK },
    ],
    oops: 'gfn2 can be written, and the log says gfn1',
  }),
};

const formatGfns = (bits: number): string =>
  [GFN1, GFN2]
    .filter((gfn) => (bits >>> gfn) & 1)
    .map((gfn) => `gfn${gfn}`)
    .join(' ') || '-';
