// Executions made by hand, for the specs of the drawings. In: steps in a few words; out: an Execution as a search makes it.
import type { Operation } from '@faultline/atomics';
import type { ExecutedStep, Execution, Frame, Standing } from '../src/execution.ts';

import type { Verdict } from '../src/verdict.ts';

type Verb = Operation['verb'];

interface Details {
  /** The word's name; `names` gives its address. */
  readonly word?: string;
  readonly found?: string;
  /** What the word holds after. */
  readonly after?: string;
  readonly kind?: ExecutedStep['kind'];
  readonly plain?: boolean;
  readonly exchanged?: boolean;
  readonly aba?: number;
  readonly wakes?: readonly number[];
  readonly args?: readonly number[];
  readonly line?: number;
  /** The function that did it; the thread's name if absent. */
  readonly at?: string;
  readonly callers?: ExecutedStep['site'];
}

/** Words by name get the addresses 4096, 4104, ... in the order in which they are met. */
export class HandMade {
  readonly #threads: readonly string[];
  readonly #initial: Readonly<Record<string, string>>;
  readonly #now: Record<string, string>;
  readonly #addresses = new Map<string, number>();
  readonly #steps: ExecutedStep[] = [];

  constructor(threads: readonly string[], initial: Readonly<Record<string, string>>) {
    this.#threads = threads;
    this.#initial = initial;
    this.#now = { ...initial };
  }

  operation(verb: Verb, { word, plain = false, args = [] }: Details = {}): Operation {
    const ram = verb.startsWith('guest');
    const object = word === undefined ? 'thread' : ram ? 'ram' : 'words';
    const bytes = object === 'thread' ? 0 : verb.endsWith('64') ? 8 : 4;
    const order = plain || ram ? 'plain' : 'seqcst';
    return { verb, object, address: this.#address(word), bytes, order, args };
  }

  step(thread: string, verb: Verb, details: Details = {}): this {
    const { word, after, kind = 'done', exchanged, aba, wakes = [], line = 1 } = details;
    const index = this.#threads.indexOf(thread);
    const text = details.found ?? (word === undefined ? undefined : (this.#now[word] ?? '0'));
    const changes =
      word === undefined || after === undefined || after === text
        ? []
        : [{ name: word, before: text ?? '', after }];
    if (word !== undefined && after !== undefined) this.#now[word] = after;
    this.#steps.push({
      thread: index,
      kind,
      operation: this.operation(verb, details),
      answer: { low: 0, high: 0 },
      ...(word !== undefined && { found: { name: word, text: text ?? '' } }),
      changes,
      ...(exchanged !== undefined && { exchanged }),
      ...(aba !== undefined && { aba }),
      wakes,
      site: [frame(details.at ?? thread, line), ...(details.callers ?? [])],
      events: [],
    });
    return this;
  }

  /** How a thread stands that would do this next. */
  pending(state: Standing['state'], verb: Verb, details: Details & { at: string }): Standing {
    const { word, at, line = 1 } = details;
    const operation = this.operation(verb, details);
    return { state, operation, ...(word !== undefined && { name: word }), site: [frame(at, line)] };
  }

  end(preemptions = 0, standing: readonly Standing[] = []): Execution {
    const initial = Object.entries(this.#initial).map(([name, text]) => ({ name, text }));
    const final = Object.entries(this.#now).map(([name, text]) => ({ name, text }));
    return {
      threads: this.#threads,
      initial,
      steps: this.#steps,
      final: final.filter(({ name, text }) => this.#initial[name] !== text),
      standing: this.#threads.map((_, thread) => standing[thread] ?? { state: 'ended' }),
      schedule: '0',
      preemptions,
    };
  }

  #address(word: string | undefined): number {
    if (word === undefined) return 0;
    const address = this.#addresses.get(word) ?? 4096 + 8 * this.#addresses.size;
    this.#addresses.set(word, address);
    return address;
  }
}

const frame = (name: string, line: number): Frame => ({
  function: name,
  file: 'file:///home/someone/litmus/src/race.ts?v=1',
  line,
});

/** The race of the seed mail: KSM merges a page while one vCPU is in the slow path and another in the fast one. */
export function ksmRace(): Execution {
  const words = { spte: 'R-', 'host pte': 'RW', seq: '0', mmu_lock: '0', root: '0x5000' };
  const [ksm, slow, fast] = ['KSM', 'VCPU0 slow path', 'VCPU1 fast path'] as const;
  const inFast = { at: 'fastPageFault' };
  const inSlow = { at: 'slowPageFault' };
  const inKsm = { at: 'mergePage' };
  return new HandMade([ksm, slow, fast], words)
    .step(fast, 'load64', { ...inFast, word: 'root', line: 30 })
    .step(fast, 'load64', { ...inFast, word: 'spte', line: 31 })
    .step(slow, 'load64', { ...inSlow, word: 'root', line: 40 })
    .step(slow, 'load32', { ...inSlow, word: 'seq', line: 41 })
    .step(slow, 'load32', { ...inSlow, word: 'host pte', line: 42 })
    .step(slow, 'lock', { ...inSlow, word: 'mmu_lock', line: 43 })
    .step(slow, 'load64', { ...inSlow, word: 'spte', line: 44 })
    .step(slow, 'store64', { ...inSlow, word: 'spte', after: 'RW', line: 45 })
    .step(slow, 'unlock', { ...inSlow, word: 'mmu_lock', line: 46 })
    .step(ksm, 'store32', { ...inKsm, word: 'host pte', after: 'R-', line: 50 })
    .step(ksm, 'lock', { ...inKsm, word: 'mmu_lock', line: 51 })
    .step(ksm, 'and64', { ...inKsm, word: 'spte', after: 'R-', line: 52 })
    .step(ksm, 'add32', { ...inKsm, word: 'seq', after: '1', args: [1], line: 53 })
    .step(ksm, 'unlock', { ...inKsm, word: 'mmu_lock', line: 54 })
    .step(fast, 'cmpxchg64', {
      ...inFast,
      word: 'spte',
      after: 'RW',
      exchanged: true,
      aba: 2,
      line: 32,
    })
    .end(1);
}

/** Nothing wrong. */
export const verdict: Verdict = {
  program: 'ksm',
  model: 'sc',
  search: 'states',
  verdict: 'holds',
  states: 1234,
  transitions: 5678,
  executions: 9,
  blocked: 0,
  depth: 24,
  ms: 120.4,
  runs: 310,
  bytesPerState: 48,
  assumptions: [],
  ends: ['spte = R-'],
  outcomes: [],
  certificate: '0123456789abcdef0123456789abcdef',
};
