// How long harvests took: from the begin of each ioctl to its end, the sending between two of them left out. Markers tell of
// both; of a bare system call the end is told by its exit event, or else by the last page that its thread protected.
import type { Marker } from '../marker.ts';
import type { PageChange } from '../page-change.ts';
import { isHarvest } from '../rounds-from-ioctls.ts';
import type { TraceEvent } from '../trace-event.ts';

/** Microseconds of the trace's clock. */
interface Span {
  readonly begin: number;
  end: number | undefined;
}

export class HarvestTimes {
  readonly #noted: Span[] = [];
  readonly #called: Span[] = [];
  /** By thread, the ioctls that have not ended. */
  readonly #open = new Map<number, Span>();

  /** `page`: what the event says of a page, if anything. */
  add({ body, pid, time }: TraceEvent, page: PageChange | undefined): void {
    if (body.event === 'marker') this.#mark(body.marker, time);
    else if (body.event === 'sys_enter_ioctl') this.#enter(body.cmd, pid, time);
    else if (body.event === 'sys_exit_ioctl') this.#exit(pid, time);
    else if (page?.change === 'protected') {
      const span = this.#open.get(pid);
      if (span !== undefined) span.end = time;
    }
  }

  /** Of the ioctls that began in it, in microseconds; undefined: no end of one is known. */
  within(begin: number, end: number): number | undefined {
    const spans = this.#noted.length > 0 ? this.#noted : this.#called;
    const known = spans.filter((span) => span.begin >= begin && span.begin <= end);
    if (known.every((span) => span.end === undefined)) return undefined;
    return known.reduce((sum, span) => sum + (span.end ?? span.begin) - span.begin, 0);
  }

  #mark(marker: Marker, time: number): void {
    const { ev } = marker;
    if (ev !== 'get_dirty_log' && ev !== 'clear_dirty_log' && ev !== 'reset_dirty_rings') return;
    const last = this.#noted.at(-1);
    if (marker.at === 'begin') this.#noted.push({ begin: time, end: undefined });
    else if (last !== undefined) last.end = time;
  }

  #enter(cmd: number, pid: number, time: number): void {
    this.#open.delete(pid);
    if (!isHarvest(cmd)) return;
    const span: Span = { begin: time, end: undefined };
    this.#called.push(span);
    this.#open.set(pid, span);
  }

  #exit(pid: number, time: number): void {
    const span = this.#open.get(pid);
    if (span !== undefined) span.end = time;
    this.#open.delete(pid);
  }
}
