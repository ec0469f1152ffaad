// The verbs that wait for a word, made of a look and a sleep as on threads: so that no window between the two is hidden.
import type { Shared } from '@faultline/atomics';

/** The locks stay what they are. */
export function waitingInWords(mem: Shared): Shared {
  mem.waitUntil = (address, mask, value) => {
    for (;;) {
      const word = mem.load32(address);
      if ((word & mask) === value) return;
      mem.wait(address, word);
    }
  };
  mem.waitWhile = (address, value) => {
    while (mem.load32(address) === value) mem.wait(address, value);
  };
  return mem;
}
