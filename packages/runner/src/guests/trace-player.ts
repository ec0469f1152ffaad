// A guest that touches, in order, what the same vCPU of a real trace touched.
import type { Touches } from '../trace-plan.ts';
import type { Guest } from './guest.ts';
import { changeAndRestore } from './same-pages.ts';

/**
 * Plays touches [from, to). A write stamps an own word near the one that was written; where the host merges pages it
 * restores the word at once, as the recorded guest wrote back what it had read.
 */
export function play(
  guest: Guest,
  { gfn, hvn, word }: Touches,
  from: number,
  to: number,
  restore: boolean,
): void {
  for (let touch = from; touch < to; touch++) {
    const frame = gfn[touch] as number;
    const page = hvn[touch] as number;
    const code = word[touch] as number;
    if ((code & 1) === 0 || page < 0) guest.load(frame, code >> 1);
    else if (restore) changeAndRestore(guest, frame, page, code >> 1);
    else guest.stamp(frame, page, guest.ownWord(code >> 1));
  }
}
