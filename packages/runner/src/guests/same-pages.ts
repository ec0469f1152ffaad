// A guest that keeps ksmd busy: it changes pages and changes them back, so that they become alike again and again.
import { PAGE_WORDS } from '@faultline/mmu';
import type { Region } from '../machine.ts';
import type { Guest, GuestProgram } from './guest.ts';
import { randomSource } from './random.ts';

const KINDS = 8;
const HOT = 8;

/** What every word of a page holds when nobody has changed it: one of eight fillings. */
export const filling = (hvn: number): number => 0x1111_1111 * (1 + (hvn % KINDS));

/** One touch in eight goes to any page, the others to an eighth of them, so that the rest has time to be merged. */
export const samePages = (guest: Guest): GuestProgram => {
  const [region] = guest.regions as readonly [Region];
  const next = randomSource(guest.id);
  return {
    run(count) {
      for (let touch = 0; touch < count; touch++) {
        const all = next(HOT) === 0;
        const page = next(all ? region.npages : Math.ceil(region.npages / HOT));
        changeAndRestore(guest, region.gfn + page, region.hvn + page, next(PAGE_WORDS));
      }
    },
  };
};

/** Stamps a word, reads it back, and restores what it held. */
export function changeAndRestore(guest: Guest, gfn: number, hvn: number, anyWord: number): void {
  const word = guest.ownWord(anyWord);
  const before = guest.owned(hvn, word);
  guest.check(gfn, hvn, word);
  guest.stamp(gfn, hvn, word);
  guest.check(gfn, hvn, word);
  guest.put(gfn, hvn, word, before);
}
