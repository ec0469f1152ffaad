// Texts that came lately, each with what it means. A trace has a few that come a million times, as the name of an event or the
// columns of a thread: to see that it is one of these takes less time than to find where it ends and look it up.
import { ByteText, MAX_TEXT_BYTES, type Viewed } from './byte-text.ts';

const WORD_BYTES = 4;
const SLOTS = 256;

interface Recent<Value> {
  readonly text: ByteText;
  readonly value: Value;
}

export class RecentTexts<Value> {
  readonly #keyBytes: number;
  readonly #slots: (Recent<Value> | undefined)[] = new Array(SLOTS).fill(undefined);

  /** A text takes the place of another that has the same hash of `keyBytes` bytes, a multiple of 4, from its first on. */
  constructor(keyBytes: number) {
    this.#keyBytes = keyBytes;
  }

  /** The text that stands at `at`, if it is one of these. */
  find(line: Viewed, at: number): Recent<Value> | undefined {
    if (at + this.#keyBytes > line.bytes.length) return undefined;
    const recent = this.#slots[this.#slotOf(line.view, at)];
    return recent?.text.isAt(line, at) ? recent : undefined;
  }

  /** Remembers what is there from `from` up to, not including, `to`, unless it is very long. */
  keep(line: Viewed, from: number, to: number, value: Value): void {
    if (to - from > MAX_TEXT_BYTES || from + this.#keyBytes > line.bytes.length) return;
    const text = new ByteText(line.bytes, from, to);
    this.#slots[this.#slotOf(line.view, from)] = { text, value };
  }

  #slotOf(view: DataView, from: number): number {
    let hash = 0;
    for (let at = from; at < from + this.#keyBytes; at += WORD_BYTES) {
      hash = Math.imul(hash, 31) + view.getInt32(at);
    }
    return (hash ^ (hash >>> 16) ^ (hash >>> 24)) & (SLOTS - 1);
  }
}
