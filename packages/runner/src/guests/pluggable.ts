// A guest with memory that comes, goes and moves: it writes and reads in all places where that memory may be, and knows what
// it must find there: nothing, or what it wrote last.
import { PAGE_WORDS } from '@faultline/mmu';
import type { Region } from '../machine.ts';
import type { Guest, GuestProgram } from './guest.ts';
import { randomSource } from './random.ts';

/** Where the region may lie: where it is at first, right behind that, and a little further. Never in two at once. */
export const placesOf = ({ gfn, npages }: Region): readonly number[] => [
  gfn,
  gfn + npages,
  gfn + 4 * npages,
];

/** One touch in four is to the memory that stays. */
const STAYS = 4;
const READS = 3;

export const pluggable = (guest: Guest): GuestProgram => {
  const [stays, moves] = guest.regions as readonly [Region, Region];
  const next = randomSource(guest.id);
  const places = placesOf(moves);
  const touchWhatStays = (page: number, word: number): void => {
    guest.check(stays.gfn + page, stays.hvn + page, word);
    guest.stamp(stays.gfn + page, stays.hvn + page, word);
  };
  const touchWhatMoves = (page: number, word: number): void => {
    const gfn = (places[next(places.length)] as number) + page;
    if (next(READS) === 0) guest.checkIfThere(gfn, moves.hvn + page, word);
    else guest.stamp(gfn, moves.hvn + page, word);
  };
  return {
    run(count) {
      for (let touch = 0; touch < count; touch++) {
        const word = guest.ownWord(next(PAGE_WORDS));
        if (next(STAYS) === 0) touchWhatStays(next(stays.npages), word);
        else touchWhatMoves(next(moves.npages), word);
      }
    },
  };
};
