// The working set of writes of a recorded guest: for each window of its history, the curve of different pages written from
// the window's begin on, through all later windows of the same migration.
import { Curve, type Unseen } from './curve.ts';
import type { DirtyLoad } from './dirty-load.ts';
import type { WriteHistory } from './write-history.ts';
import type { WriteWindow } from './write-window.ts';

export interface WorkingSetOptions {
  /** Bytes: 4096, or those of a huge page that is sent as a whole. */
  readonly pageSize?: number;
  /** Of the guest, in bytes, where the trace does not say or shows a part of it. */
  readonly memory?: number | undefined;
}

interface Start {
  /** Seconds into the recording, pauses between its migrations left out. */
  readonly at: number;
  readonly written: Curve;
}

const SMALL_PAGE = 4096;
/** Windows that begin a curve; with more, evenly chosen ones. */
const MOST_STARTS = 64;
/** A curve that is extrapolated comes from at least this part of the longest. */
const LEAST_PART = 0.5;

export class WorkingSet implements DirtyLoad {
  readonly pageSize: number;
  readonly memoryPages: number;
  /** Every fault has its time. */
  readonly leastSeconds = 0;
  readonly watchedSeconds: number;
  readonly windows: number;
  readonly #starts: readonly Start[];
  readonly #longest: number;

  /** Throws a RangeError for memory that is less than what was written. */
  constructor(
    history: Pick<WriteHistory, 'windows' | 'memoryPages'>,
    { pageSize = SMALL_PAGE, memory }: WorkingSetOptions = {},
  ) {
    this.pageSize = pageSize;
    this.memoryPages = Math.ceil((memory ?? history.memoryPages * SMALL_PAGE) / pageSize);
    // The vCPUs stood still in a part of the last one.
    const running = history.windows.filter(({ isLast }) => !isLast);
    const windows = running.map((window) => inPages(window, pageSize));
    this.#starts = startsOf(windows, this.memoryPages);
    this.windows = this.#starts.length;
    this.watchedSeconds = windows.reduce((sum, { seconds }) => sum + seconds, 0);
    this.#longest = Math.max(...this.#starts.map(({ written }) => written.seconds));
    const most = Math.max(...this.#starts.map(({ written }) => written.total));
    if (most > this.memoryPages) {
      const got = `${this.memoryPages} of ${pageSize} bytes`;
      throw new RangeError(
        `expected memory of at least the ${most} pages that are written, got ${got}`,
      );
    }
  }

  written(seconds: number, at: number): number {
    return Math.min(this.memoryPages, this.#start(seconds, at).written.at(seconds));
  }

  /** The last one before `at` whose curve is long enough to answer, else the first such. */
  #start(seconds: number, at: number): Start {
    const least = Math.min(seconds, this.#longest * LEAST_PART);
    const within = at % Math.max(this.watchedSeconds, Number.MIN_VALUE);
    let found: Start | undefined;
    for (const start of this.#starts) {
      if (start.at > within && found !== undefined) break;
      if (start.written.seconds >= least) found = start;
    }
    return found as Start;
  }
}

/** The same window counted in pages of another size: a page is written when the first part of it is. */
function inPages(window: WriteWindow, pageSize: number): WriteWindow {
  if (pageSize === SMALL_PAGE) return window;
  const first = new Map<number, number>();
  for (const [i, gfn] of window.gfns.entries()) {
    const page = Math.floor((gfn * SMALL_PAGE) / pageSize);
    first.set(
      page,
      Math.min(first.get(page) ?? Number.POSITIVE_INFINITY, window.delays[i] as number),
    );
  }
  return { ...window, gfns: [...first.keys()], delays: [...first.values()] };
}

/** From the last window to the first, so that each page's next write is at hand. */
function startsOf(windows: readonly WriteWindow[], memoryPages: number): Start[] {
  const every = Math.ceil(windows.length / MOST_STARTS);
  const starts: Start[] = [];
  const later = new LaterWrites();
  let at = windows.reduce((sum, { seconds }) => sum + seconds, 0);
  for (let i = windows.length - 1; i >= 0; i--) {
    const window = windows[i] as WriteWindow;
    at -= window.seconds;
    later.add(window);
    if (i % every !== 0 || window.seconds === 0) continue;
    starts.push({ at, written: later.curve(window.begin, memoryPages) });
  }
  return starts.reverse();
}

/** When each page is written next, seen from the begin of the window that was added last. */
class LaterWrites {
  readonly #next = new Map<number, number>();
  readonly #windows = new Map<number, number>();
  #migration: number | undefined;
  #count = 0;
  #once = 0;
  #twice = 0;
  #end = 0;

  add({ migration, begin, seconds, gfns, delays }: WriteWindow): void {
    if (migration !== this.#migration) this.#clear(migration, begin + seconds);
    this.#count++;
    for (const [i, gfn] of gfns.entries()) {
      this.#next.set(gfn, begin + (delays[i] as number));
      const times = (this.#windows.get(gfn) ?? 0) + 1;
      this.#windows.set(gfn, times);
      if (times === 1) this.#once++;
      else if (times === 2) {
        this.#once--;
        this.#twice++;
      } else if (times === 3) this.#twice--;
    }
  }

  curve(begin: number, memoryPages: number): Curve {
    const seconds = this.#end - begin;
    const unseen: Unseen = {
      windows: this.#count,
      once: this.#once,
      twice: this.#twice,
      most: memoryPages - this.#next.size,
    };
    return new Curve(after(this.#next.values(), begin), seconds, unseen);
  }

  #clear(migration: number, end: number): void {
    this.#next.clear();
    this.#windows.clear();
    this.#migration = migration;
    this.#end = end;
    this.#count = this.#once = this.#twice = 0;
  }
}

const after = (times: Iterable<number>, begin: number): Float64Array =>
  Float64Array.from(times, (time) => Math.max(0, time - begin)).sort();
