// One exploration of one program: the machine, the judge, the search that was asked for, and the verdict.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { UnboundedLoop } from './automaton.ts';
import { goOnForEver } from './cycle.ts';
import { STORE } from './instruction.ts';
import { Judge } from './judge.ts';
import { lostWakeup } from './lost-wakeup.ts';
import { Machine } from './machine.ts';
import { type Alter, type Mutant, mutantsOf, mutation, type Place, placesOf } from './mutation.ts';
import type { Node } from './node.ts';
import type { CheckOptions } from './options.ts';
import { Restart } from './privacy.ts';
import type { Program } from './program.ts';
import { type Replayed, replay, unfold } from './replay.ts';
import { parseSchedule } from './schedule.ts';
import { type Position, type Start, searchDpor, splitDpor } from './search/dpor.ts';
import { findLivelock } from './search/livelock.ts';
import { searchPreemptions } from './search/preemptions.ts';
import { searchRandom } from './search/random.ts';
import { type Found, Limits, OutOfTime, type SearchContext } from './search/search.ts';
import { searchStates } from './search/states.ts';
import { framesOf } from './site.ts';
import type { StepFault } from './verbs.ts';
import type { Search, Verdict, Violation } from './verdict.ts';

const OPERATIONS = 10_000;
/** Looking for a counterexample with fewer preemptions may take so many times the states of finding one. */
const MINIMIZE_EFFORT = 50;
const MINIMIZE_LEAST = 200_000;

/** Where a search by dpor begins, and which words properties were seen to look at: see parts.ts and checkpoint.ts. */
export interface DporStart extends Start {
  readonly watched: readonly string[];
}

export class Exploration {
  readonly #program: Program;
  readonly #options: CheckOptions;
  readonly #search: Search;
  readonly #limits: Limits;
  readonly #machine: Machine;
  #judge: Judge;
  #position: Position = [];
  /** Whether what is learned is learned by a search: a schedule is carried out to its end whatever the time. */
  #isTimed = false;
  readonly #order: number[];

  readonly #alter: Alter | undefined;
  readonly #start: DporStart | undefined;

  constructor(
    program: Program,
    options: CheckOptions,
    { alter, start }: { alter?: Alter | undefined; start?: DporStart } = {},
  ) {
    this.#start = start;
    this.#alter = alter ?? (options.mutant && mutation(options.mutant));
    this.#program = program;
    this.#options = options;
    const { search = 'states', model = 'sc', symmetry = true } = options;
    this.#search = search;
    this.#limits = new Limits(options);
    this.#machine = new Machine(program, {
      ...this.#machineOptions(),
      // Source-DPOR and preemptions tell threads apart; a buffer belongs to one thread.
      symmetry: symmetry && search === 'states' && model === 'sc',
      // A part, or a place to go on from, is told in single operations.
      fold: start === undefined,
    });
    this.#judge = new Judge(this.#machine, program, start?.watched);
    this.#order = orderOf(this.#machine, options.order);
    this.#refuse();
  }

  #machineOptions() {
    const { model = 'sc', merge = true, spuriousWakeups = false, budget } = this.#options;
    const operations = budget?.operations ?? OPERATIONS;
    const pulse = (): void => {
      if (this.#isTimed) this.#limits.pulse();
    };
    return { model, merge, spuriousWakeups, alter: this.#alter, operations, pulse };
  }

  #refuse(): void {
    const { model = 'sc', spuriousWakeups } = this.#options;
    if (this.#search !== 'dpor') return;
    if (model === 'tso') {
      throw new RangeError(
        'expected search states for model tso, got dpor: it knows no store buffers',
      );
    }
    if (spuriousWakeups === true) {
      throw new RangeError('expected search states with spurious wakeups, got dpor');
    }
  }

  verdict(): Verdict {
    return this.#untilKnown(() => this.#once());
  }

  /** Begins anew whenever a cell turns out to be shared, or looked at, that was not taken for that. */
  #untilKnown<Result>(explore: () => Result): Result {
    for (;;) {
      try {
        return explore();
      } catch (error) {
        if (!(error instanceof Restart)) throw error;
        this.#judge = new Judge(this.#machine, this.#program, this.#judge.watched());
      }
    }
  }

  /** What the threads were seen to do. */
  get #nodes(): Node[] {
    return this.#machine.automata.flatMap(({ nodes }) => nodes);
  }

  mutants(): Mutant[] {
    return mutantsOf(this.#nodes);
  }

  plainStores(): Place[] {
    return placesOf(this.#nodes, ({ code, plain }) => code === STORE && plain);
  }

  replay(schedule: string): Replayed {
    return this.#replay(parseSchedule(schedule, this.#machine.threads));
  }

  #once(): Verdict {
    const found = this.#found();
    const { violation, budget } = found;
    if (violation !== undefined)
      return this.#verdict(found, { violation: this.#drawable(violation) });
    if (budget !== undefined) return this.#verdict(found, {});
    const endless = this.#mayCycle(found) ? this.#endless() : undefined;
    if (endless !== undefined) {
      if ('budget' in endless) return this.#verdict({ ...found, budget: endless.budget }, {});
      return this.#verdict(found, endless);
    }
    const never = this.#judge.neverMet();
    const isPart = this.#start !== undefined;
    if (never === undefined || isPart || this.#search === 'random' || this.#search === 'pct') {
      return this.#verdict(found, {});
    }
    return this.#verdict(found, { violation: { fault: 'sometimes', property: never } });
  }

  /** A search that keeps states sees cycles, or the claims without which there are none. */
  #mayCycle({ cyclic }: Found): boolean {
    if (this.#search === 'states') return cyclic === true;
    return this.#search === 'preemptions' && this.#machine.automata.some((a) => a.claims > 0);
  }

  /** What goes on for ever: a livelock, or an end that only threads which serve others go on from; or the budget's end. */
  #endless(): { readonly violation: Violation } | { readonly budget: string } | undefined {
    // Who is able in a state is asked of threads, not of places: a machine that takes one for another cannot say.
    if (this.#machine.groups.length > 0) {
      const apart = this.#apart();
      return apart.#untilKnown(() => apart.#endless());
    }
    const found = findLivelock(this.#context());
    if (found === undefined || 'budget' in found) return found;
    if ('fault' in found) {
      const { execution } = this.#replay(unfold(this.#machine, found.schedule));
      return { violation: { ...found.fault, oops: this.#program.oops, execution } };
    }
    const names = found.livelock.threads.map((thread) => this.#machine.names[thread] as string);
    const property = goOnForEver(names);
    const { execution, repeats } = this.#replay(unfold(this.#machine, found.livelock.schedule));
    const violation = { fault: 'livelock', property, execution } as const;
    return { violation: { ...violation, ...(repeats && { repeats }) } };
  }

  /** The same exploration with all threads told apart. */
  #apart(): Exploration {
    return new Exploration(
      this.#program,
      { ...this.#options, symmetry: false },
      { alter: this.#alter },
    );
  }

  #context(): SearchContext {
    return {
      machine: this.#machine,
      judge: this.#judge,
      order: this.#order,
      limits: this.#limits,
      countBad: this.#options.countBad ?? false,
    };
  }

  #found(): Found {
    const context = this.#context();
    const { seed = 1 } = this.#options;
    this.#isTimed = true;
    try {
      if (this.#search === 'dpor') return this.#dpor(context);
      if (this.#search === 'preemptions') return searchPreemptions(context);
      if (this.#search === 'states') return searchStates(context);
      return searchRandom(context, { kind: this.#search, seed });
    } catch (error) {
      const budget = endOf(error);
      if (budget === undefined) throw error;
      const nothing = { states: 0, transitions: 0, executions: 0, blocked: 0, depth: 0 };
      return { budget, ...nothing, bytesPerState: 0 };
    } finally {
      this.#isTimed = false;
    }
  }

  #dpor(context: SearchContext): Found {
    const found = searchDpor(context, this.#start);
    this.#position = found.position;
    return found;
  }

  /** The beginnings of `depth` operations that cut the search into parts. Throws a Restart when a property looks further. */
  split(depth: number): number[][] {
    return splitDpor(this.#context(), depth);
  }

  /** Where the search by dpor stands. */
  get position(): Position {
    return this.#position;
  }

  get watched(): string[] {
    return this.#judge.watched();
  }

  get firstWords(): readonly (readonly [name: string, value: string])[] {
    return this.#judge.firstWords();
  }

  get met(): string[] {
    return this.#judge.met();
  }

  /** The violation confirmed by carrying it out again, with as few preemptions as can be found in reasonable time. */
  #drawable(violation: { fault: StepFault; schedule: readonly number[] }): Violation {
    const schedule = this.#fewest(violation.schedule);
    const { execution, fault } = this.#replay(schedule);
    if (fault === undefined && this.#machine.groups.length > 0) {
      // It was seen of a thread that stands for another: found again with all told apart.
      const { violation: apart } = this.#apart().verdict();
      if (apart !== undefined) return apart;
    }
    if (fault === undefined) {
      throw new Error(
        `${this.#program.name}: ${violation.fault.fault} was found (${violation.fault.property}) but not confirmed by ` +
          `its own schedule ${execution.schedule}; usual cause: a body that keeps state outside itself`,
      );
    }
    return { ...(lostWakeup(fault, execution) ?? fault), oops: this.#program.oops, execution };
  }

  #fewest(schedule: readonly number[]): readonly number[] {
    const { minimize = true } = this.#options;
    const unfolded = unfold(this.#machine, schedule);
    if (!minimize || this.#search === 'preemptions') return unfolded;
    const effort = Math.max(MINIMIZE_LEAST, MINIMIZE_EFFORT * schedule.length);
    try {
      const other = new Exploration(
        this.#program,
        {
          ...this.#options,
          search: 'preemptions',
          symmetry: false,
          budget: { states: effort, ms: 10_000 },
        },
        { alter: this.#alter },
      );
      return other.#violating() ?? unfolded;
    } catch (error) {
      if (endOf(error) !== undefined) return unfolded;
      throw error;
    }
  }

  /** The schedule of a violation, if one is found. */
  #violating(): readonly number[] | undefined {
    return this.#untilKnown(() => {
      const schedule = this.#found().violation?.schedule;
      return schedule && unfold(this.#machine, schedule);
    });
  }

  /** On a machine of its own, which neither folds nor takes one thread for another. */
  #replay(schedule: readonly number[]): Replayed {
    const options = { ...this.#machineOptions(), symmetry: false, fold: false };
    const machine = new Machine(this.#program, options);
    return replay(this.#program, machine, new Judge(machine, this.#program), schedule);
  }

  #verdict(found: Found, { violation }: { violation?: Violation }): Verdict {
    const { model = 'sc' } = this.#options;
    const ends = this.#judge.ends();
    const random = this.#search === 'random' || this.#search === 'pct';
    const stopped =
      found.budget ?? (random && violation === undefined ? 'random search never ends' : undefined);
    const automata = new Set(this.#machine.automata);
    return {
      program: this.#program.name,
      model,
      search: this.#search,
      verdict: violation !== undefined ? 'violated' : stopped !== undefined ? 'budget' : 'holds',
      ...(violation === undefined ? {} : { violation }),
      ...(stopped === undefined ? {} : { budget: stopped }),
      ...(found.completeTo === undefined ? {} : { completeTo: found.completeTo }),
      states: found.states,
      transitions: found.transitions,
      executions: this.#search === 'dpor' || random ? found.executions : ends.length,
      ...(found.bad === undefined ? {} : { bad: found.bad }),
      blocked: found.blocked,
      depth: found.depth,
      ms: this.#limits.ms,
      runs: [...automata].reduce((sum, { runs }) => sum + runs, 0),
      bytesPerState: found.bytesPerState,
      assumptions: [...automata].flatMap((automaton) => automaton.assumptions()),
      ends,
      outcomes: [...this.#judge.outcomes].sort(),
      certificate: certify(ends),
    };
  }
}

/** SHA-256 of the ends and their number, in hexadecimal. */
export const certify = (ends: readonly string[]): string =>
  bytesToHex(sha256(utf8ToBytes(`${ends.length}\n${ends.join('\n')}`)));

function orderOf(machine: Machine, names: readonly string[] | undefined): number[] {
  const threads = (names ?? machine.names).map((name) => {
    const thread = machine.names.indexOf(name);
    if (thread < 0)
      throw new RangeError(`order: expected one of ${machine.names.join(', ')}, got ${name}`);
    return thread;
  });
  if (new Set(threads).size !== machine.threads) {
    throw new RangeError(
      `order: expected each of ${machine.names.join(', ')} once, got ${names?.join(', ')}`,
    );
  }
  const buffers = Array.from(
    { length: machine.agents - machine.threads },
    (_, t) => machine.threads + t,
  );
  return [...threads, ...buffers];
}

/** Why a search ended in the middle of a step, if that is what the error says. */
function endOf(error: unknown): string | undefined {
  if (error instanceof OutOfTime) return error.message;
  if (!(error instanceof UnboundedLoop)) return undefined;
  const [frame] = framesOf(error.site);
  const place = frame === undefined ? '' : ` at ${frame.file}:${frame.line}`;
  return `unbounded loop${place}: ${error.message}; whoever waits in a loop has to say what matters there: again(...)`;
}
