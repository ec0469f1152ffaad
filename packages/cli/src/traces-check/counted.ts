// A trace read to its end: its counts, in the index's words, and a fingerprint of every event, small enough to keep.
import { readTrace, type TraceEvent, type TraceSummary } from '@faultline/trace';

export interface Counted {
  readonly summary: TraceSummary;
  /** By the event's name; fast_page_fault by its outcome too. */
  readonly counts: ReadonlyMap<string, number>;
  /** Two words per delivered event. */
  readonly fingerprints: Int32Array;
}

/** One way to read a trace, as often as it is called. */
export type Reading = (onEvent: (event: TraceEvent) => void) => Promise<TraceSummary>;

export const readingOf =
  (path: string): Reading =>
  (onEvent) =>
    readTrace(path, onEvent);

export async function readCounted(read: Reading): Promise<Counted> {
  const prints = new Fingerprints();
  const outcomes = { fixed: 0, spurious: 0, neither: 0 };
  const summary = await read((event) => {
    prints.add(canonical(event));
    const { body } = event;
    if (body.event !== 'fast_page_fault') return;
    outcomes[body.fixed ? 'fixed' : body.spurious ? 'spurious' : 'neither']++;
  });
  const counts = new Map(Object.entries(summary.counts));
  counts.set('events', summary.events);
  for (const [outcome, n] of Object.entries(outcomes)) counts.set(`fast_page_fault ${outcome}`, n);
  return { summary, counts, fingerprints: prints.all };
}

/** All that text and trace.dat both tell: who, where, when to the microsecond, what. */
export const canonical = ({ task, pid, cpu, time, body }: TraceEvent): string =>
  `${task}-${pid} [${cpu}] ${Math.round(time)} ${JSON.stringify(body)}`;

/** Texts in, two independent 32-bit hashes of each out. */
class Fingerprints {
  #words = new Int32Array(1 << 16);
  #length = 0;

  get all(): Int32Array {
    return this.#words.subarray(0, this.#length);
  }

  add(text: string): void {
    if (this.#length === this.#words.length) {
      const longer = new Int32Array(2 * this.#length);
      longer.set(this.#words);
      this.#words = longer;
    }
    let one = 0x811c_9dc5 | 0;
    let other = 0x9e37_79b9 | 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      one = Math.imul(one ^ code, 0x0100_0193);
      other = Math.imul(other + code, 0x85eb_ca6b) ^ (other >>> 13);
    }
    this.#words[this.#length++] = one;
    this.#words[this.#length++] = other;
  }
}
