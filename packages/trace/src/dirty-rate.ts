// How fast a guest dirties its memory, in windows of equal length: what the trace itself shows of it, without disturbing the
// guest by one sample more.
//
// A page whose log is on is seen once per harvest, when it is written first: so the pages of a window are a lower bound
// where no harvest lies in it, and the working set of a window is exact where one begins it.

import { GfnSet } from './gfn-set.ts';
import { PageChanges } from './page-change.ts';
import type { TraceEvent } from './trace-event.ts';

export interface DirtyRateOptions {
  /** Length of a window, in the unit of the trace's clock: a second, where that is microseconds. */
  readonly window?: number;
  /** Bytes by which pages are counted: 4096, or those of a huge page. */
  readonly pageSize?: number;
}

export interface DirtyWindow {
  readonly begin: number;
  readonly end: number;
  /** Times that a page became writable. */
  readonly writes: number;
  /** Different pages among them: the working set of writes. */
  readonly pages: number;
  /** Pages that were written in no window before. */
  readonly newPages: number;
  /** Bytes of `pages`. */
  readonly bytes: number;
}

/** What shows the writes: pages becoming writable, or, where the trace has no events of the MMU, entries of dirty rings. */
export type DirtyRateSource = 'write-protection' | 'ring-pushes';

const SECOND = 1_000_000;
/** An entry of a ring names slot and offset; where slots lie, nobody says. */
const PAGES_OF_A_SLOT = 2 ** 31;
const SMALL_PAGE = 4096;

/** Takes a trace's events in order. Windows without a write are left out: a damaged time may lie in a thousand years. */
export class DirtyRate {
  readonly #window: number;
  readonly #pageSize: number;
  readonly #windows: DirtyWindow[] = [];
  readonly #ever = new GfnSet();
  readonly #changes = new PageChanges();
  readonly #pages = new GfnSet();
  #source: DirtyRateSource | undefined;
  #begin: number | undefined;
  #writes = 0;
  #newPages = 0;

  constructor({ window = SECOND, pageSize = SMALL_PAGE }: DirtyRateOptions = {}) {
    this.#window = window;
    this.#pageSize = pageSize;
  }

  /** Undefined: nothing was written. */
  get source(): DirtyRateSource | undefined {
    return this.#source;
  }

  add({ body, time }: TraceEvent): void {
    const page = this.#changes.of(body);
    if (page?.change === 'written') {
      // A page that a ring has too was told of before it was pushed.
      this.#source = 'write-protection';
      this.#write(page.gfn, time);
    } else if (body.event === 'kvm_dirty_ring_push' && this.#source !== 'write-protection') {
      this.#source = 'ring-pushes';
      this.#write(body.slot * PAGES_OF_A_SLOT + body.offset, time);
    }
  }

  #write(gfn: number, time: number): void {
    this.#begin ??= time;
    const passed = Math.floor((time - this.#begin) / this.#window);
    if (passed > 0) this.#close(passed);
    this.#writes++;
    const number = Math.floor((gfn * SMALL_PAGE) / this.#pageSize);
    if (this.#pages.add(number) && this.#ever.add(number)) this.#newPages++;
  }

  /** From the first write on; the last window may be shorter than it says. */
  end(): readonly DirtyWindow[] {
    if (this.#writes > 0) this.#close(1);
    return this.#windows;
  }

  /** The next window begins `passed` of them later. */
  #close(passed: number): void {
    const begin = this.#begin as number;
    const end = begin + this.#window;
    const { size } = this.#pages;
    const bytes = size * this.#pageSize;
    this.#windows.push({
      begin,
      end,
      writes: this.#writes,
      pages: size,
      newPages: this.#newPages,
      bytes,
    });
    this.#begin = begin + passed * this.#window;
    this.#writes = 0;
    this.#newPages = 0;
    this.#pages.clear();
  }
}
