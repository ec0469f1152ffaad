// A VMM asks slot after slot for its log: what belongs together is one pass over all of them.
import type { DirtyLogRound } from '../dirty-log-round.ts';
import { GfnSet } from '../gfn-set.ts';

export interface HarvestPass {
  /** Counted from 0: one for each time that logging was switched on. */
  readonly migration: number;
  /** Since when its pages were watched: earliest of its slots. Undefined: they were not, or that is not known. */
  readonly since: number | undefined;
  readonly begin: number;
  readonly end: number;
  readonly gfns: GfnSet;
  readonly isLast: boolean;
}

/** A slot that comes again begins another pass. */
export function harvestPasses(rounds: readonly DirtyLogRound[]): HarvestPass[] {
  const groups: DirtyLogRound[][] = [];
  for (const round of rounds) {
    const group = groups.at(-1);
    const isAnother = round.slot === undefined || group?.some(({ slot }) => slot === round.slot);
    if (group === undefined || isAnother) groups.push([round]);
    else group.push(round);
  }
  let migration = -1;
  let watchedFrom: number | undefined;
  return groups.map((group) => {
    const since = group[0]?.since;
    const isNew = since === undefined || since !== watchedFrom;
    if (isNew) migration++;
    watchedFrom = group[0]?.end;
    return passOf(group, migration, isNew);
  });
}

function passOf(group: readonly DirtyLogRound[], migration: number, isNew: boolean): HarvestPass {
  const gfns = new GfnSet();
  for (const round of group) gfns.addAll(round.gfns);
  // Where all is set from the start, nothing is protected before it is cleared.
  const isWatched = !(isNew && group[0]?.log === 'initially-set');
  return {
    migration,
    since: isWatched ? group[0]?.since : undefined,
    begin: Math.min(...group.map(({ begin }) => begin)),
    end: Math.max(...group.map(({ end }) => end)),
    gfns,
    isLast: group.some(({ phase }) => phase === 'stop-and-copy'),
  };
}
