// A search by dpor in parts, for several workers or several days: each part is a beginning, and all executions that begin so.
// A part may find that a property looks at words that nobody knew of when the search was cut: then all of it is cut again.
import { certify, type DporStart, Exploration } from './exploration.ts';
import type { CheckOptions } from './options.ts';
import { Restart } from './privacy.ts';
import type { Program } from './program.ts';
import type { Position } from './search/dpor.ts';
import { withStacks } from './site.ts';
import type { Assumption, Verdict } from './verdict.ts';

/** Plain data: can be sent to a worker. */
export interface Part {
  readonly path: readonly number[];
  readonly watched: readonly string[];
}

export interface PartVerdict {
  readonly verdict: Verdict;
  /** Names of the `sometimes` that were met. */
  readonly met: readonly string[];
  /** What properties looked at: more than the part was told means that the search has to be cut again. */
  readonly watched: readonly string[];
  /** Words that the ends tell of, as they are at the beginning. */
  readonly words: Words;
}

type Words = readonly (readonly [name: string, value: string])[];

const dpor = (options: CheckOptions): CheckOptions => ({ ...options, search: 'dpor' });

/** Cuts the search of `program` at `depth` operations. `watched` as a part found it, if one did. */
export function partsOf(
  program: Program,
  depth: number,
  options: CheckOptions = {},
  watched: readonly string[] = [],
): Part[] {
  return withStacks(() => {
    for (let known = watched; ; ) {
      const exploration = new Exploration(program, dpor(options), { start: { watched: known } });
      try {
        return exploration.split(depth).map((path) => ({ path, watched: known }));
      } catch (error) {
        if (!(error instanceof Restart)) throw error;
        known = exploration.watched;
      }
    }
  });
}

export function checkPart(program: Program, part: Part, options: CheckOptions = {}): PartVerdict {
  const start: DporStart = { part: part.path, watched: part.watched };
  return run(program, options, start);
}

function run(
  program: Program,
  options: CheckOptions,
  start: DporStart,
): PartVerdict & { position: Position } {
  return withStacks(() => {
    const exploration = new Exploration(program, dpor(options), { start });
    const verdict = exploration.verdict();
    const { met, watched, position, firstWords: words } = exploration;
    return { verdict, met, watched, words, position };
  });
}

/** Whether a part found out more than it was told of what properties look at. */
export const looksFurther = (part: Part, { watched }: PartVerdict): boolean =>
  watched.some((entry) => !part.watched.includes(entry));

/** One verdict from those of all parts. The first violation counts. */
export function joinParts(program: Program, parts: readonly PartVerdict[]): Verdict {
  const [first] = parts;
  if (first === undefined) throw new RangeError('expected at least one part, got none');
  const verdicts = parts.map(({ verdict }) => verdict);
  const violated = verdicts.find(({ verdict }) => verdict === 'violated');
  const budget = verdicts.find(({ verdict }) => verdict === 'budget');
  const met = new Set(parts.flatMap((part) => part.met));
  const never = Object.keys(program.sometimes ?? {}).find((name) => !met.has(name));
  const words = joinWords(parts);
  const ends = union(parts.map((part) => endsIn(words, part)));
  const sum = (of: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const joined: Verdict = {
    ...(violated ?? budget ?? first.verdict),
    transitions: sum(({ transitions }) => transitions),
    executions: sum(({ executions }) => executions),
    ...(verdicts.some(({ bad }) => bad !== undefined) ? { bad: sum(({ bad = 0 }) => bad) } : {}),
    blocked: sum(({ blocked }) => blocked),
    runs: sum(({ runs }) => runs),
    depth: Math.max(...verdicts.map(({ depth }) => depth)),
    assumptions: joinAssumptions(verdicts),
    ends,
    outcomes: union(verdicts.map(({ outcomes }) => outcomes)),
    certificate: certify(ends),
  };
  if (violated !== undefined || budget !== undefined || never === undefined) return joined;
  return { ...joined, verdict: 'violated', violation: { fault: 'sometimes', property: never } };
}

const union = (lists: readonly (readonly string[])[]): string[] =>
  [...new Set(lists.flat())].sort();

const joinWords = (parts: readonly PartVerdict[]): Words =>
  [...new Map(parts.flatMap(({ words }) => words))].sort(([a], [b]) => (a < b ? -1 : 1));

/** The ends with all `words`: one that a part never came across is there as it was at the beginning. */
function endsIn(words: Words, part: PartVerdict): readonly string[] {
  if (part.words.length === words.length) return part.verdict.ends;
  return part.verdict.ends.map((end) => {
    const values = new Map(words);
    let at = 0;
    for (const [name] of part.words) {
      const from = at + name.length + 1;
      const space = end.indexOf(' ', from);
      at = space < 0 ? end.length : space + 1;
      values.set(name, end.slice(from, at).trimEnd());
    }
    const said = [...values].map(([name, value]) => `${name}=${value}`);
    return [...said, end.slice(at)].join(' ').trimEnd();
  });
}

/** Each part learns for itself which histories a claim takes for one another: as many as the one that met most. */
function joinAssumptions(verdicts: readonly Verdict[]): Assumption[] {
  const joined = new Map<string, Assumption>();
  for (const assumption of verdicts.flatMap(({ assumptions }) => assumptions)) {
    const key = `${assumption.thread} ${assumption.site}`;
    const known = joined.get(key)?.histories ?? 0;
    if (assumption.histories > known) joined.set(key, assumption);
  }
  return [...joined.values()];
}

/** Where a search stopped, as JSON can hold it: what it had found so far, and where it has to go on. */
export interface Checkpoint {
  readonly schema: 'faultline/checkpoint';
  readonly version: 1;
  readonly program: string;
  readonly threads: readonly string[];
  readonly order: readonly string[];
  readonly position: Position;
  readonly watched: readonly string[];
  readonly done: PartVerdict;
}

/**
 * Searches by dpor until the budget ends, from `checkpoint` on if there is one. `checkpoint` in the answer: the search has not
 * ended; give it back to go on. Throws a RangeError for a checkpoint of another program.
 */
export function checkFrom(
  program: Program,
  checkpoint: Checkpoint | undefined,
  options: CheckOptions = {},
): { readonly verdict: Verdict; readonly checkpoint?: Checkpoint } {
  const threads = Object.keys(program.threads);
  const order = options.order ?? checkpoint?.order ?? threads;
  if (checkpoint !== undefined) refuseOther(program, checkpoint, threads);
  const end = Date.now() + (options.budget?.ms ?? Number.POSITIVE_INFINITY);
  let earlier = checkpoint?.done;
  const { watched: known = [], position } = checkpoint ?? {};
  let found = run(program, { ...options, order }, { watched: known, position });
  const looksFurther = found.watched.some((entry) => !known.includes(entry));
  if (earlier !== undefined && looksFurther && found.verdict.verdict !== 'violated') {
    // What was done before was done knowing too little: from the beginning, knowing this.
    earlier = undefined;
    const ms = Math.max(1, end - Date.now());
    const budget = Number.isFinite(ms) ? { ...options.budget, ms } : (options.budget ?? {});
    found = run(program, { ...options, order, budget }, { watched: found.watched });
  }
  const hasEnded = found.verdict.verdict !== 'budget';
  const all = earlier === undefined ? [found] : [hasEnded ? asEnded(earlier) : earlier, found];
  const ms = all.reduce((sum, { verdict }) => sum + verdict.ms, 0);
  const { budget } = found.verdict;
  // What ended earlier sittings is no news.
  const verdict = { ...joinParts(program, all), ms, ...(budget !== undefined && { budget }) };
  if (hasEnded) return { verdict };
  const { watched } = found;
  return {
    verdict,
    checkpoint: {
      ...({ schema: 'faultline/checkpoint', version: 1 } as const),
      program: program.name,
      threads,
      order,
      position: found.position,
      watched,
      done: {
        verdict,
        met: [...new Set(all.flatMap(({ met }) => met))],
        watched,
        words: joinWords(all),
      },
    },
  };
}

/** What ended by budget and was gone on with. */
function asEnded(part: PartVerdict): PartVerdict {
  const { budget: _ended, ...verdict } = part.verdict;
  return { ...part, verdict: { ...verdict, verdict: 'holds' } };
}

function refuseOther(program: Program, checkpoint: Checkpoint, threads: readonly string[]): void {
  const { schema, version, program: name } = checkpoint;
  if (schema !== 'faultline/checkpoint' || version !== 1) {
    throw new RangeError('expected a checkpoint of faultline, version 1');
  }
  if (name === program.name && threads.join() === checkpoint.threads.join()) return;
  throw new RangeError(
    `expected a checkpoint of ${program.name} (${threads.join(', ')}), got one of ${name} (${checkpoint.threads.join(', ')})`,
  );
}
