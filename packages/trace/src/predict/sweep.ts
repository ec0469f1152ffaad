// Changes of pages by the time at which they happened.

export interface Changes {
  readonly gfns: number[];
  readonly times: number[];
}

/** The changes of a stretch of time; stretches may overlap. */
export class Sweep {
  readonly #changes: Changes;
  constructor(changes: Changes) {
    this.#changes = changes;
  }

  /** The last time of each page in it. */
  during(begin: number, end: number): Map<number, number> {
    const last = new Map<number, number>();
    this.each(begin, end, (gfn, time) => last.set(gfn, time));
    return last;
  }

  each(begin: number, end: number, visit: (gfn: number, time: number) => void): void {
    const { gfns, times } = this.#changes;
    for (let i = lowerBound(times, begin); i < times.length; i++) {
      const time = times[i] as number;
      if (time > end) return;
      visit(gfns[i] as number, time);
    }
  }
}

/** First index whose value is not below `least`. */
function lowerBound(ascending: readonly number[], least: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] as number) < least) from = middle + 1;
    else to = middle;
  }
  return from;
}
