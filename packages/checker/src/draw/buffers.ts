// What waited in store buffers. In: an execution and its memory model; out: the stores that waited, the drains that belong
// to them, the reads that a buffer answered. A thread's stores leave in order: its n-th drain is of its n-th store.
import type { ExecutedStep, Execution } from '../execution.ts';
import type { MemoryModel } from '../program.ts';
import { cellsOf, isPlainStore } from './verbs.ts';

export interface Buffers {
  /** The value that each buffered store carries. */
  readonly carried: ReadonlyMap<ExecutedStep, string>;
  /** The store that each drain brings to memory. */
  readonly storeOf: ReadonlyMap<ExecutedStep, ExecutedStep>;
  /** Reads that a thread's own buffer answers: they see nobody else's write. */
  readonly forwarded: ReadonlySet<ExecutedStep>;
}

export function buffersOf(execution: Execution, model: MemoryModel | undefined): Buffers {
  const { threads, steps } = execution;
  const carried = new Map<ExecutedStep, string>();
  const storeOf = new Map<ExecutedStep, ExecutedStep>();
  const isTso = model === undefined ? steps.some(isDrain) : model === 'tso';
  for (const thread of isTso ? threads.keys() : []) {
    const own = steps.filter((step) => step.thread === thread);
    const drains = own.filter(isDrain);
    const stores = own.filter(({ kind, operation }) => kind === 'done' && isPlainStore(operation));
    for (const [nth, store] of stores.entries()) {
      const drain = drains[nth];
      carried.set(store, drain === undefined ? argument(store) : valueAfter(drain));
      if (drain !== undefined) storeOf.set(drain, store);
    }
  }
  return { carried, storeOf, forwarded: forwardedReads(execution, carried) };
}

/** A store that leaves before anything else is told needs no telling of its buffer: the two steps become one. */
export function settle(steps: readonly ExecutedStep[], { storeOf }: Buffers): ExecutedStep[] {
  const settled: ExecutedStep[] = [];
  for (const step of steps) {
    const store = storeOf.get(step);
    if (store === undefined) settled.push(step);
    else if (settled.at(-1) === store) settled.splice(-1, 1, { ...step, ...atOnce(store) });
    else settled.push(step);
  }
  return settled;
}

const atOnce = ({ kind, operation, site, events }: ExecutedStep): Partial<ExecutedStep> => ({
  kind,
  operation,
  site,
  events,
});

const isDrain = ({ kind }: ExecutedStep): boolean => kind === 'drain';

const valueAfter = (drain: ExecutedStep): string =>
  drain.changes[0]?.after ?? drain.found?.text ?? argument(drain);

/** The bare number, for a store whose drain nobody saw. */
function argument({ operation: { bytes, args } }: ExecutedStep): string {
  const [low = 0, high = 0] = args;
  if (bytes !== 8) return String(low);
  return `0x${((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16)}`;
}

function forwardedReads(
  { threads, steps }: Execution,
  carried: Buffers['carried'],
): ReadonlySet<ExecutedStep> {
  const forwarded = new Set<ExecutedStep>();
  const waiting = threads.map((): string[] => []);
  for (const step of steps) {
    const own = waiting[step.thread] ?? [];
    const cells = cellsOf(step.operation).join();
    if (isDrain(step)) own.shift();
    else if (carried.has(step)) own.push(cells);
    else if (own.includes(cells)) forwarded.add(step);
  }
  return forwarded;
}
