// The events of one CPU in the order of time: pages in, and the cursor stands on one event after the other.
//
//   page    u64 time stamp, commit (bits 0-26: bytes of data; bit 31: events were lost before them; bit 30: how many stands
//           behind the data), data
//   event   u32: bits 0-4 type_len, bits 5-31 time since the event before
//             1-28  type_len words of record follow                29  padding: a discarded event, or the page's end
//             0     a word with the length, then the record        30  a longer time to add     31  a time stamp
//
// KVM: kernel/trace/ring_buffer.c, include/linux/ring_buffer.h.
//
// Times are nanoseconds, or a clock's ticks, since an origin that all CPUs share: differences stay exact in a double.
import { cpuPages, type Pages } from './cpu-pages.ts';
import { DatDamage } from './dat-damage.ts';
import type { CpuData } from './dat-file.ts';
import type { DatSource } from './dat-source.ts';
import type { PageLayout } from './page-layout.ts';
import type { Unpack } from './unpack.ts';

const PADDING = 29;
const TIME_EXTEND = 30;
const COMMIT_MASK = 0x07ff_ffff;
const MISSED_EVENTS = 0x8000_0000 | 0;
const MISSED_STORED = 0x4000_0000;
/** A time stamp has 59 bits; the others are those of the time before. */
const TOP_BITS = 0xf800_0000;

/** Time zero of all CPUs: the first page's stamp, as two halves. */
export interface TimeOrigin {
  low: number;
  high: number;
  isSet: boolean;
}

export interface CpuStreamInput {
  readonly data: CpuData;
  readonly source: DatSource;
  readonly unpack: Unpack;
  readonly layout: PageLayout;
  readonly origin: TimeOrigin;
  readonly onDamage: (damage: DatDamage) => void;
}

export class CpuStream {
  readonly cpu: number;
  /** Where the record lies that the cursor stands on: in `bytes`, and by words in `words`. */
  bytes: Uint8Array = new Uint8Array(0);
  words: Int32Array = new Int32Array(0);
  at = 0;
  length = 0;
  /** Since the origin; infinite behind the last event. */
  time: number = Number.NEGATIVE_INFINITY;
  /** Sum of the counts of lost events, and how often there was none. */
  lost = 0;
  lostWithoutNumber = 0;
  /** Events passed, over all pages. */
  events = 0;

  readonly #pages: Iterator<Pages>;
  readonly #input: CpuStreamInput;
  /** Byte of the file where `bytes` come from. */
  #chunkOrigin = 0;
  #nextPage = 0;
  /** In `bytes`: where the next event begins, and where the page's data end. */
  #next = 0;
  #end = 0;
  #clock = 0;

  constructor(input: CpuStreamInput) {
    this.cpu = input.data.cpu;
    this.#input = input;
    this.#pages = cpuPages(input.data, input.source, input.unpack, input.onDamage);
  }

  /** To the next event. Says whether there is one. */
  advance(): boolean {
    for (;;) {
      while (this.#next >= this.#end) {
        if (!this.#openPage()) {
          this.time = Number.POSITIVE_INFINITY;
          return false;
        }
      }
      if (this.#step()) return true;
    }
  }

  /** Over one entry of the page. Says whether it was an event. */
  #step(): boolean {
    const from = this.#next;
    const { words } = this;
    const head = words[from >> 2] as number;
    const kind = head & 31;
    const delta = head >>> 5;
    if (kind > 0 && kind < PADDING) return this.#take(from + 4, kind << 2, delta);
    if (from + 8 > this.#end) {
      // Padding to the page's end has no length.
      if (kind !== PADDING || delta !== 0) this.#damage(from, 'an entry of 8 bytes', 'the end');
      this.#next = this.#end;
      return false;
    }
    const word = words[(from >> 2) + 1] as number;
    if (kind === 0) return this.#takeLong(from, word, delta);
    if (kind === PADDING) this.#pad(from, word, delta);
    else {
      if (kind === TIME_EXTEND) this.#clock += (word >>> 0) * 2 ** 27 + delta;
      else this.#stamp(word >>> 0, delta);
      this.#next = from + 8;
    }
    return false;
  }

  /** A record of which the first word says how long it is, itself included. */
  #takeLong(from: number, size: number, delta: number): boolean {
    if (size < 4 || size > this.#end - from - 4) {
      this.#damage(from, 'a record inside its page', `${size} bytes`);
      this.#next = this.#end;
      return false;
    }
    return this.#take(from + 8, (size - 4 + 3) & ~3, delta);
  }

  #take(at: number, length: number, delta: number): boolean {
    const next = at + length;
    if (next > this.#end) {
      this.#damage(at - 4, 'a record inside its page', `${length} bytes`);
      this.#next = this.#end;
      return false;
    }
    this.#next = next;
    this.#clock += delta;
    this.at = at;
    this.length = length;
    this.time = this.#clock;
    this.events++;
    return true;
  }

  /** A discarded event, as long as its word says; without a time, all that is left of the page. */
  #pad(from: number, size: number, delta: number): void {
    this.#clock += delta;
    const next = from + 4 + ((size + 3) & ~3);
    this.#next = delta === 0 || size < 4 || next > this.#end ? this.#end : next;
  }

  #stamp(word: number, delta: number): void {
    const { low: originLow, high: originHigh } = this.#input.origin;
    // 59 bits: word above the 27 of delta.
    const low = ((word << 27) | delta) >>> 0;
    const now = this.#clock + (originLow >>> 0);
    const nowHigh = originHigh + Math.floor(now / 2 ** 32);
    const high = ((nowHigh & TOP_BITS) | (word >>> 5)) >>> 0;
    this.#clock = (high - originHigh) * 2 ** 32 + low - originLow;
  }

  #openPage(): boolean {
    const { data, layout } = this.#input;
    if (this.#nextPage + layout.data > this.bytes.length) {
      const next = this.#pages.next();
      if (next.done) return false;
      const { bytes, origin } = next.value;
      this.bytes = bytes;
      this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
      this.#chunkOrigin = origin;
      this.#nextPage = 0;
      if (bytes.length < layout.data) return true;
    }
    const page = this.#nextPage;
    this.#nextPage = page + data.pageSize;
    this.#readHead(page, Math.min(this.bytes.length, page + data.pageSize));
    return true;
  }

  #readHead(page: number, pageEnd: number): void {
    const { words } = this;
    const { layout, origin } = this.#input;
    const low = (words[page >> 2] as number) >>> 0;
    const high = (words[(page >> 2) + 1] as number) >>> 0;
    const commit = words[(page + layout.commit) >> 2] as number;
    const from = page + layout.data;
    const end = from + (commit & COMMIT_MASK);
    this.#next = from;
    this.#end = Math.min(end, pageEnd);
    if (end > pageEnd) {
      this.#damage(page, `at most ${pageEnd - from} bytes in the page`, `${end - from}`);
    }
    if (!origin.isSet) Object.assign(origin, { low, high, isSet: true });
    this.#clock = (high - origin.high) * 2 ** 32 + (low - origin.low);
    if ((commit & MISSED_EVENTS) !== 0) this.#countLost(commit, end, pageEnd);
  }

  /** The count is a long of the kernel's; its low half is enough. */
  #countLost(commit: number, end: number, pageEnd: number): void {
    const isStored = (commit & MISSED_STORED) !== 0 && end + this.#input.layout.longSize <= pageEnd;
    if (isStored) this.lost += (this.words[end >> 2] as number) >>> 0;
    else this.lostWithoutNumber++;
  }

  #damage(at: number, expected: string, got: string): void {
    const packed = this.#input.data.packed;
    const section = packed
      ? `data of CPU ${this.cpu}, byte ${at} of the chunk`
      : `data of CPU ${this.cpu}`;
    const byte = packed ? this.#chunkOrigin : this.#chunkOrigin + at;
    this.#input.onDamage(new DatDamage({ byte, section, expected, got }));
  }
}
