// Two readings of one trace, event by event: by their fingerprints, and where these differ by the first events that do.
import { count } from '../table.ts';
import { type Counted, canonical, type Reading } from './counted.ts';

/** Of a fingerprint. */
const WORDS = 2;

export interface Compared {
  /** In a word, for the line of a difference. */
  readonly name: string;
  readonly read: Reading;
  readonly counted: Counted;
}

export interface Verdict {
  readonly ok: boolean;
  /** First a sentence, then the first difference. */
  readonly lines: readonly string[];
}

export async function compare(mine: Compared, its: Compared): Promise<Verdict> {
  const events = `${count(mine.counted.fingerprints.length / WORDS)} events`;
  const at = firstDifference(mine.counted.fingerprints, its.counted.fingerprints);
  if (at === undefined) return { ok: true, lines: [`${events}, each equal to the ${its.name}'s`] };
  const width = Math.max(mine.name.length, its.name.length) + 1;
  const shown = async ({ name, read }: Compared): Promise<string> =>
    `  ${name.padEnd(width)}${await eventAt(read, at)}`;
  const verdict = `${events}, DIFFERENT from event ${at + 1} on`;
  return { ok: false, lines: [verdict, await shown(mine), await shown(its)] };
}

/** Index of an event, or undefined. */
function firstDifference(some: Int32Array, others: Int32Array): number | undefined {
  const length = Math.max(some.length, others.length);
  for (let i = 0; i < length; i++) if (some[i] !== others[i]) return Math.floor(i / WORDS);
  return undefined;
}

async function eventAt(read: Reading, wanted: number): Promise<string> {
  let n = 0;
  let found = '(no such event)';
  await read((event) => {
    if (n++ === wanted) found = canonical(event);
  });
  return found;
}
