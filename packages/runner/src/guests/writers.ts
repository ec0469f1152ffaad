// Guests that write page after page: in order, at random, or mostly to a few (Zipf). One touch in four checks a word of
// its own before it overwrites it.
import { PAGE_WORDS } from '@faultline/mmu';
import type { Region } from '../machine.ts';
import type { Guest, GuestProgram } from './guest.ts';
import { randomSource } from './random.ts';

const CHECK_EVERY = 4;

/** Which page next, of `pages`. */
type Picker = (pages: number) => number;

/** Each vCPU writes every page once, in order, again and again. */
export const sequential = (guest: Guest): GuestProgram => {
  let next = 0;
  return writer(guest, (pages) => next++ % pages);
};

/** Every page is as likely as any other. */
export const random = (guest: Guest): GuestProgram => writer(guest, randomSource(guest.id));

/** The page of rank r is chosen in proportion to 1 / r: a few hot pages and a long tail. */
export const zipf = (guest: Guest): GuestProgram => {
  const next = randomSource(guest.id);
  const STEPS = 1 << 20;
  // The inverse of the distribution's integral: rank = (pages + 1) ** u, rounded down, with u uniform in [0, 1).
  return writer(guest, (pages) => Math.floor((pages + 1) ** (next(STEPS) / STEPS)) - 1);
};

function writer(guest: Guest, pick: Picker): GuestProgram {
  const [region] = guest.regions as readonly [Region];
  const nextWord = randomSource(guest.id + guest.vcpus);
  return {
    run(count) {
      for (let touch = 0; touch < count; touch++) {
        const page = pick(region.npages);
        const word = guest.ownWord(nextWord(PAGE_WORDS));
        const gfn = region.gfn + page;
        const hvn = region.hvn + page;
        if (touch % CHECK_EVERY === 0) guest.check(gfn, hvn, word);
        guest.stamp(gfn, hvn, word);
      }
    },
  };
}
