// The events of a trace, and which of them are answered for: each is compared once, by whichever act comes to it first.
import type { TraceEvent } from '../trace-event.ts';
import type { Recording } from './acts/recording.ts';
import type { Said } from './compare-events.ts';
import type { Rule } from './rules.ts';
import { type Compared, Verdicts } from './verdicts.ts';

export class Ledger {
  readonly recording: Recording;
  readonly verdicts: Verdicts = new Verdicts();
  readonly #closed: Uint8Array;

  constructor(recording: Recording) {
    this.recording = recording;
    this.#closed = new Uint8Array(recording.events.length + 1);
  }

  event(index: number): TraceEvent {
    return this.recording.events[index] as TraceEvent;
  }

  close(index: number): void {
    this.#closed[index] = 1;
  }

  isOpen(index: number): boolean {
    return this.#closed[index] === 0;
  }

  /** `index`: of the event where it differs, or one past the last. */
  differ(kind: Compared, index: number, said: Said, rule?: Rule): void {
    const { line, time } = this.event(Math.min(index, this.recording.events.length - 1));
    this.verdicts.differ({ kind, line, time, ...said, ...(rule === undefined ? {} : { rule }) });
  }
}
