// One window of a guest's writes: which pages were written first in it, and how long after they had been watched.

import type { HarvestPass } from './harvest-passes.ts';
import type { Sweep } from './sweep.ts';

/** From one harvest to the next. Seconds. */
export interface WriteWindow {
  /** Which migration of the trace: from where the log was switched on until it was switched off. */
  readonly migration: number;
  /** Of the trace's clock. */
  readonly begin: number;
  readonly seconds: number;
  /** Pages written in it, by gfn. */
  readonly gfns: readonly number[];
  /** How long each had been watched when it was written first; the whole window where no event tells. */
  readonly delays: readonly number[];
  /** As userspace counted them, pages of other windows that had not been cleared included. */
  readonly dirty: number;
  /** The vCPUs were stopped for the harvest that ends it. */
  readonly isLast: boolean;
}

const MICROSECONDS = 1e6;

interface WatchOptions {
  readonly pass: HarvestPass;
  readonly before: HarvestPass | undefined;
  /** When each page lost W in the harvest before. */
  readonly origin: ReadonlyMap<number, number>;
  readonly isProtectionTraced: boolean;
}

/** From when each page of a window was watched. */
export class Watch {
  readonly pass: HarvestPass;
  /** Of a page that was watched already. */
  readonly begin: number;
  /** No write before can belong to the window. */
  readonly earliest: number;
  readonly #options: WatchOptions;

  constructor(options: WatchOptions) {
    const { pass, before, origin } = options;
    this.#options = options;
    this.pass = pass;
    this.earliest = before?.begin ?? (pass.since as number);
    this.begin = before === undefined ? (pass.since as number) : meanOf(origin, before.end);
  }

  /** From when the page was watched; undefined: it was found dirty before and not cleared, so nobody knows its next write. */
  from(gfn: number): number | undefined {
    const { before, origin, isProtectionTraced } = this.#options;
    if (before === undefined || !before.gfns.has(gfn)) return this.begin;
    return origin.get(gfn) ?? (isProtectionTraced ? undefined : before.end);
  }

  /** Whether a write at `time` came before the harvest found the page. */
  isOfBefore(gfn: number, time: number): boolean {
    const { before } = this.#options;
    return before?.gfns.has(gfn) === true && time < (this.from(gfn) ?? 0);
  }
}

export function windowOf(watch: Watch, written: Sweep): WriteWindow {
  const { pass, begin } = watch;
  const first = new Map<number, number>();
  written.each(watch.earliest, pass.end, (gfn, time) => {
    if (first.has(gfn) || !pass.gfns.has(gfn) || watch.isOfBefore(gfn, time)) return;
    const from = watch.from(gfn);
    if (from !== undefined) first.set(gfn, Math.max(0, time - from));
  });
  const length = Math.max(0, pass.begin - begin);
  // Written, and no event tells when. Some beside others that tell: while their harvest, or the begin of logging, went on.
  // All: hardware logs by itself, and any time is as likely as another.
  const isTraced = first.size > 0;
  let untold = 0;
  for (const gfn of pass.gfns) {
    if (first.has(gfn) || watch.from(gfn) === undefined) continue;
    first.set(gfn, isTraced ? 0 : (length * ++untold) / pass.gfns.size);
  }
  return {
    migration: pass.migration,
    begin: begin / MICROSECONDS,
    seconds: length / MICROSECONDS,
    gfns: [...first.keys()],
    delays: [...first.values()].map((delay) => Math.min(delay, length) / MICROSECONDS),
    dirty: pass.gfns.size,
    isLast: pass.isLast,
  };
}

function meanOf(times: ReadonlyMap<number, number>, otherwise: number): number {
  if (times.size === 0) return otherwise;
  let sum = 0;
  for (const time of times.values()) sum += time;
  return sum / times.size;
}
