// A search by dpor in parts, for several workers or several days: each part is a beginning, and all executions that begin so.
// A part may find that a property looks at words that nobody knew of when the search was cut: then all of it is cut again.
import { certify, type DporStart, Exploration } from './exploration.ts';
import type { CheckOptions } from './options.ts';
import { Restart } from './privacy.ts';
import type { Program } from './program.ts';
import type { Position } from './search/dpor.ts';
import { withStacks } from './site.ts';
import type { Verdict } from './verdict.ts';

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
}

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
    const { met, watched, position } = exploration;
    return { verdict, met, watched, position };
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
  const ends = union(verdicts.map((verdict) => verdict.ends));
  const sum = (of: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const joined: Verdict = {
    ...(violated ?? budget ?? first.verdict),
    transitions: sum(({ transitions }) => transitions),
    executions: sum(({ executions }) => executions),
    blocked: sum(({ blocked }) => blocked),
    runs: sum(({ runs }) => runs),
    depth: Math.max(...verdicts.map(({ depth }) => depth)),
    ends,
    outcomes: union(verdicts.map(({ outcomes }) => outcomes)),
    certificate: certify(ends),
  };
  if (violated !== undefined || budget !== undefined || never === undefined) return joined;
  return { ...joined, verdict: 'violated', violation: { fault: 'sometimes', property: never } };
}

const union = (lists: readonly (readonly string[])[]): string[] =>
  [...new Set(lists.flat())].sort();

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
  let known = checkpoint?.watched ?? [];
  let position = checkpoint?.position;
  for (;;) {
    const found = run(program, { ...options, order }, { watched: known, position });
    const furtherLooks = found.watched.some((entry) => !known.includes(entry));
    if (furtherLooks && position !== undefined) {
      // What was done before was done knowing too little: from the beginning, knowing this.
      known = found.watched;
      position = undefined;
      continue;
    }
    const earlier = position === undefined ? [] : [(checkpoint as Checkpoint).done];
    const verdict = joinParts(program, [...earlier, found]);
    if (found.verdict.verdict !== 'budget')
      return { verdict: earlier.length === 0 ? verdict : settled(verdict, found) };
    const done = {
      verdict,
      met: [...new Set([...earlier, found].flatMap(({ met }) => met))],
      watched: found.watched,
    };
    const { watched } = found;
    const schema = { schema: 'faultline/checkpoint', version: 1 } as const;
    return {
      verdict,
      checkpoint: {
        ...schema,
        program: program.name,
        threads,
        order,
        position: found.position,
        watched,
        done,
      },
    };
  }
}

/** Earlier searches ended by budget; this one did not. */
function settled(joined: Verdict, { verdict }: PartVerdict): Verdict {
  if (joined.verdict !== 'budget') return joined;
  const { budget: _ended, ...rest } = joined;
  return { ...rest, verdict: verdict.verdict };
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
