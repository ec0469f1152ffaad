// A thread as the searches see it: nodes are what it is about to do, edges are what its operation found. Learned from the
// code itself: to know what comes after a history, the body is run again from its start over that history's answers.
import { type Answer, ReplayError, type Run, type Step } from '@faultline/atomics';
import { canonical } from './canonical.ts';
import type { Instruction } from './instruction.ts';
import { secondStep } from './mutation.ts';
import type { Node, Pending } from './node.ts';
import type { Thread } from './program.ts';
import type { Assumption } from './verdict.ts';

/** The body did not end within so many operations. */
export class UnboundedLoop extends Error {
  override readonly name = 'UnboundedLoop';
  readonly site: string;

  constructor(thread: string, operations: number, site: string) {
    super(`${thread} did not end within ${operations.toLocaleString('en-US')} operations`);
    this.site = site;
  }
}

export interface AutomatonOptions {
  readonly thread: string;
  readonly merge: boolean;
  /** Operations after which a history is called unbounded. */
  readonly operations: number;
  readonly compile: (run: Pending, parent: Node | undefined) => Instruction;
  /** Called before each run of the body; throws when time is up. */
  readonly pulse: () => void;
}

export class Automaton {
  readonly nodes: Node[] = [];
  runs = 0;
  readonly #thread: Thread;
  readonly #options: AutomatonOptions;
  /** Threads that ended alike are alike, however they came there. */
  readonly #ended = new Map<string, Node>();
  /** By claim: what was said to matter, and where. */
  readonly #claimed = new Map<string, Node>();
  readonly #histories = new Map<string, number>();
  /** Nodes that owe a delayed store. */
  readonly #late = new Map<string, Node>();

  constructor(thread: Thread, options: AutomatonOptions) {
    this.#thread = thread;
    this.#options = options;
  }

  /** Where the thread begins. */
  start(): Node {
    return this.nodes[0] ?? this.#learn(undefined, undefined);
  }

  /** Where `node` leads when its operation found `low` and `high`. */
  next(node: Node, low: number, high: number): Node {
    if (node.goOn !== undefined) return node.goOn();
    const { lows, highs, nexts } = node;
    for (let edge = 0; edge < lows.length; edge++) {
      if (lows[edge] === low && highs[edge] === high) return nexts[edge] as Node;
    }
    const next = this.#after(node, { low, high });
    lows.push(low);
    highs.push(high);
    nexts.push(next);
    return next;
  }

  /** What comes after `node`; where a mutation has made more than one step of an operation, those first. */
  #after(node: Node, answer: Answer): Node {
    const instruction = node.instruction as Instruction;
    const rest = secondStep(instruction, answer);
    if (rest !== undefined) return this.#ghost(node, rest, () => this.#learn(node, answer));
    const { owed } = instruction;
    if (owed === undefined) return this.#learn(node, answer);
    // The operation after a delayed store has been done: now the store.
    if (instruction.mutation !== 'delay')
      return this.#ghost(node, owed, () => this.#learn(node, answer));
    const next = this.#learn(node, answer);
    if (next.instruction === undefined) return this.#ghost(node, owed, () => next);
    return this.#lateAt(next, next.instruction, owed);
  }

  /** `next` with a store owed after it: one node for each such pair, so that loops come back to it. */
  #lateAt(next: Node, instruction: Instruction, owed: Instruction): Node {
    const key = JSON.stringify([next.id, owed.operation]);
    const known = this.#late.get(key);
    if (known !== undefined) return known;
    const fresh = { ...next, lows: [], highs: [], nexts: [] };
    const late = this.#add({ ...fresh, instruction: { ...instruction, owed } });
    this.#late.set(key, late);
    return late;
  }

  #ghost(from: Node, instruction: Instruction, goOn: () => Node): Node {
    let next: Node | undefined;
    const { run, depth, parent, answer } = from;
    return this.#add({
      ...{ id: -1, run, depth, parent, answer, lows: [], highs: [], nexts: [] },
      instruction: { ...instruction, isGhost: true },
      goOn: () => {
        next ??= goOn();
        return next;
      },
    });
  }

  /** The history that first led to `node`. */
  logOf(node: Node): Step[] {
    const log: Step[] = [];
    for (let at = node; at.parent !== undefined; at = at.parent) {
      const { operation } = at.parent.instruction as Instruction;
      log.push({ operation, answer: at.answer as Answer });
    }
    return log.reverse();
  }

  /** Claims that a history was merged, or could be merged, by. */
  get claims(): number {
    return this.#claimed.size;
  }

  assumptions(): Assumption[] {
    return [...this.#histories].map(([site, histories]) => ({
      thread: this.#options.thread,
      site,
      histories,
    }));
  }

  #learn(parent: Node | undefined, answer: Answer | undefined): Node {
    const depth = parent === undefined ? 0 : parent.depth + 1;
    const fields = { depth, parent, answer, lows: [], highs: [], nexts: [] };
    const probe = { ...fields, id: -1, instruction: undefined, run: undefined };
    const log = parent === undefined ? [] : this.logOf(probe);
    const run = this.#run(log);
    if (run.state === 'threw') {
      return this.#add({ ...probe, threw: { error: run.error } });
    }
    if (run.state === 'ended') return this.#end(probe, run.result, log);
    const claim = this.#claimOf(run, depth);
    const known = claim === undefined ? undefined : this.#claimed.get(claim);
    if (known !== undefined) return known;
    if (depth > this.#options.operations) {
      throw new UnboundedLoop(this.#options.thread, this.#options.operations, run.site);
    }
    const node = this.#add({
      ...probe,
      instruction: this.#options.compile(run, parent),
      run,
    });
    if (claim !== undefined) this.#claimed.set(claim, node);
    return node;
  }

  #run(log: readonly Step[]): Run<unknown> {
    this.runs++;
    this.#options.pulse();
    return this.#thread.run(log);
  }

  #add(node: Node): Node {
    const added = { ...node, id: this.nodes.length };
    this.nodes.push(added);
    return added;
  }

  /** An end has no successor whose run would meet a hidden difference: so it is run once more. */
  #end(probe: Node, result: unknown, log: readonly Step[]): Node {
    const key = canonical(result);
    const again = this.#run(log);
    if (again.state !== 'ended' || canonical(again.result) !== key) {
      throw new ReplayError(
        `${this.#options.thread}: expected the same result from the same history, got ` +
          `${again.state === 'ended' ? canonical(again.result) : again.state} after ${key}; usual cause: the body ` +
          'keeps state outside itself, or depends on time or random numbers',
      );
    }
    const known = this.#ended.get(key);
    if (known !== undefined) return known;
    const node = this.#add({ ...probe, ended: { result } });
    this.#ended.set(key, node);
    return node;
  }

  /** A claim counts where nothing has been asked since: then its place and what it names stand for the whole history. */
  #claimOf(run: Pending, depth: number): string | undefined {
    const { again, operation } = run;
    if (!this.#options.merge || again === undefined || again.position !== depth) return undefined;
    const site = callersOf(again.site);
    const key = JSON.stringify([site, again.live, operation]);
    const line = site.split('\n')[0] ?? '';
    this.#histories.set(line, (this.#histories.get(line) ?? 0) + 1);
    return key;
  }
}

/** The frames between the claim and the thread's first: what lies outside says only how the search came there. */
function callersOf(stack: string): string {
  const lines = stack.split('\n').slice(1);
  const end = lines.findIndex((line) => /\banswerAsked\b/.test(line));
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .filter((line) => !/[\\/]logged\.(ts|js)|[\\/]checker[\\/]src[\\/]thread\./.test(line))
    .map((line) => line.trim())
    .join('\n');
}
