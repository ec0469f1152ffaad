// Where fences belong: the fewest plain stores that have to be drained at once so that store buffers make no difference.
import { Exploration } from './exploration.ts';
import { type Alter, isAt, type Place } from './mutation.ts';
import type { CheckOptions } from './options.ts';
import type { Program } from './program.ts';
import { withStacks } from './site.ts';
import type { Verdict } from './verdict.ts';

export interface Fences {
  /** Plain stores after each of which a fence belongs; undefined: even all of them do not help, or nobody knows. */
  readonly places: readonly Place[] | undefined;
  /** What ended before every smaller set was tried. */
  readonly stopped?: string;
}

const MOST_SETS = 256;

/** A set could not be tried. */
class Stopped extends Error {}

/**
 * The smallest set for which `isClosed` is true of the verdict under tso. A fence only takes executions away, so a store
 * without which all the others do not help is in every such set. The time in `options` is for all searches together.
 */
export function findFences(
  program: Program,
  isClosed: (verdict: Verdict) => boolean,
  options: CheckOptions = {},
): Fences {
  const trials = new Trials(program, isClosed, options);
  return withStacks(() => {
    let best: readonly Place[] | undefined;
    try {
      const all = trials.plainStores();
      if (!trials.closes(all)) return { places: undefined };
      best = all;
      const needed = all.filter((one) => !trials.closes(all.filter((other) => other !== one)));
      const optional = all.filter((one) => !needed.includes(one));
      for (const more of subsets(optional)) {
        const places = all.filter((one) => needed.includes(one) || more.includes(one));
        if (trials.closes(places)) return { places };
      }
      return { places: all };
    } catch (error) {
      if (error instanceof Stopped) return { places: best, stopped: error.message };
      throw error;
    }
  });
}

class Trials {
  readonly #program: Program;
  readonly #isClosed: (verdict: Verdict) => boolean;
  readonly #options: CheckOptions;
  readonly #end: number;
  readonly #known = new Map<string, boolean>();

  constructor(program: Program, isClosed: (verdict: Verdict) => boolean, options: CheckOptions) {
    this.#program = program;
    this.#isClosed = isClosed;
    this.#options = options;
    this.#end = Date.now() + (options.budget?.ms ?? Number.POSITIVE_INFINITY);
  }

  /** In any execution, also where a property fails sooner. */
  plainStores(): Place[] {
    const { always: _always, finally: _finally, sometimes: _sometimes, ...bare } = this.#program;
    const exploration = this.#explore(bare);
    inTime(exploration.verdict());
    return exploration.plainStores();
  }

  closes(places: readonly Place[]): boolean {
    const key = JSON.stringify(places);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size === MOST_SETS) throw new Stopped(`${MOST_SETS} sets of fences`);
    const verdict = inTime(this.#explore(this.#program, drainedAt(places)).verdict());
    const closes = this.#isClosed(verdict);
    this.#known.set(key, closes);
    return closes;
  }

  #explore(program: Program, alter?: Alter): Exploration {
    const { budget } = this.#options;
    const ms = Math.max(1, this.#end - Date.now());
    const left = Number.isFinite(ms) ? { ...budget, ms } : budget;
    const options = { ...this.#options, ...(left && { budget: left }) };
    const how = { model: 'tso', search: 'states', minimize: false } as const;
    return new Exploration(program, { ...options, ...how }, { alter });
  }
}

function inTime(verdict: Verdict): Verdict {
  if (verdict.verdict === 'budget') throw new Stopped(verdict.budget);
  return verdict;
}

/** A store followed by a fence is one that takes effect at once, after all before it. */
const drainedAt =
  (places: readonly Place[]): Alter =>
  (instruction, run) =>
    places.some((place) => isAt(place, instruction, run))
      ? { ...instruction, plain: false }
      : instruction;

/** The smallest first. */
function* subsets<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let size = 0; size <= items.length; size++) yield* choose(items, size);
}

function* choose<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  if (size === 0) yield [];
  else {
    for (const [index, item] of items.entries()) {
      for (const rest of choose(items.slice(index + 1), size - 1)) yield [item, ...rest];
    }
  }
}
