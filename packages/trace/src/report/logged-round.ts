// The rounds of the whole VM: a VMM harvests slot after slot, and what a migration calls a round is all of them once.
import type { DirtyLogRound } from '../dirty-log-round.ts';

export interface LoggedRound {
  /** Counted from 1. */
  readonly round: number;
  readonly log: string | undefined;
  readonly phase: string | undefined;
  /** Since when pages written are in it; its first harvest where the trace begins later. */
  readonly since: number;
  readonly begin: number;
  readonly end: number;
  readonly dirtyPages: number;
}

export function loggedRounds(rounds: readonly DirtyLogRound[]): readonly LoggedRound[] {
  return groups(rounds).map((group, index) => {
    const [first] = group;
    return {
      round: index + 1,
      log: first?.log,
      phase: first?.phase,
      since: Math.min(...group.map(({ since, begin }) => since ?? begin)),
      begin: Math.min(...group.map(({ begin }) => begin)),
      end: Math.max(...group.map(({ end }) => end)),
      dirtyPages: group.reduce((sum, { gfns }) => sum + gfns.size, 0),
    };
  });
}

/** A new one begins where a slot comes again, or the phase changes. */
function groups(rounds: readonly DirtyLogRound[]): DirtyLogRound[][] {
  const all: DirtyLogRound[][] = [];
  for (const round of rounds) {
    const last = all.at(-1);
    const isNew =
      last === undefined ||
      last.some(({ slot, phase }) => slot === round.slot || phase !== round.phase);
    if (isNew) all.push([round]);
    else last.push(round);
  }
  return all;
}
