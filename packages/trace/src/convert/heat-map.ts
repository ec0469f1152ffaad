// Which pages a guest dirtied when: counts in bins of pages and time. Memory that nobody touched is left out: the regions of the
// picture are the slots, or, where a trace does not tell them, what was written with not too much between.
import { PAGE_SIZE } from '@faultline/mmu';
import { MigrationRounds } from '../migration-rounds.ts';
import { PageChanges } from '../page-change.ts';
import type { TraceEvent } from '../trace-event.ts';

/** Pages that the picture shows together. */
export interface HeatRegion {
  readonly name: string;
  readonly gfn: number;
  readonly npages: number;
  /** Its bins of pages; `counts[row][column]`, row 0 at its first gfn. */
  readonly counts: readonly Uint32Array[];
}

export interface HeatMap {
  readonly regions: readonly HeatRegion[];
  /** When the first page was written, and the last. */
  readonly begin: number;
  readonly end: number;
  /** Bins of time. */
  readonly columns: number;
  readonly pagesPerRow: number;
  readonly most: number;
  readonly harvests: readonly { readonly time: number; readonly pages: number }[];
}

const COLUMNS = 240;
/** Of all regions together, about. */
const ROWS = 160;
/** Without slots: written pages farther apart than this are of two regions. */
const APART = 16_384;
/** More are no picture: then what lies farther apart is of one region too. */
const MOST_CLUSTERS = 32;

interface Place {
  readonly name: string;
  readonly gfn: number;
  readonly npages: number;
}

export class HeatMapBuilder {
  readonly #pages = new PageChanges();
  readonly #gfns: number[] = [];
  readonly #times: number[] = [];
  readonly #slots = new Map<number, Place>();
  readonly #rounds = new MigrationRounds();

  add(event: TraceEvent): void {
    const { body, time } = event;
    this.#rounds.add(event);
    if (body.event === 'marker' && body.marker.ev === 'memslot') this.#memslot(body.marker);
    const page = this.#pages.of(body);
    if (page?.change !== 'written') return;
    this.#gfns.push(page.gfn);
    this.#times.push(time);
  }

  /** Undefined: no page was seen becoming writable. */
  map(): HeatMap | undefined {
    if (this.#gfns.length === 0) return undefined;
    const places = this.#places();
    const all = places.reduce((sum, { npages }) => sum + npages, 0);
    const pagesPerRow = Math.max(1, Math.ceil(all / ROWS));
    const begin = this.#times.reduce((least, time) => Math.min(least, time));
    const end = this.#times.reduce((most, time) => Math.max(most, time));
    const regions = places.map((place): HeatRegion => {
      const rows = Math.ceil(place.npages / pagesPerRow);
      return { ...place, counts: Array.from({ length: rows }, () => new Uint32Array(COLUMNS)) };
    });
    const harvests = this.#rounds.end().rounds.map((round) => {
      return { time: round.begin, pages: round.gfns.size };
    });
    const axes = { regions, begin, end, columns: COLUMNS, pagesPerRow, harvests };
    return { ...axes, most: this.#count(axes) };
  }

  #memslot({
    slot,
    gpa,
    size,
    errno = 0,
  }: {
    slot: number;
    gpa: string;
    size: number;
    errno?: number;
  }): void {
    if (errno !== 0 || size === 0) return;
    const place = { gfn: Number(gpa) / PAGE_SIZE, npages: size / PAGE_SIZE };
    this.#slots.set(slot, { name: `slot ${slot}`, ...place });
  }

  /** Ascending. A slot that moved is where it was last; what was written elsewhere makes regions of its own. */
  #places(): Place[] {
    const slots = [...this.#slots.values()].sort((a, b) => a.gfn - b.gfn);
    const others = this.#gfns.filter((gfn) => !slots.some((slot) => isIn(slot, gfn)));
    return [
      ...slots.filter((slot) => this.#gfns.some((gfn) => isIn(slot, gfn))),
      ...clusters(others),
    ].sort((a, b) => a.gfn - b.gfn);
  }

  /** How many the fullest bin has. */
  #count({ regions, begin, end, pagesPerRow }: Omit<HeatMap, 'most'>): number {
    const span = Math.max(1, end - begin);
    let most = 0;
    for (const [i, gfn] of this.#gfns.entries()) {
      const region = regions.find((each) => isIn(each, gfn));
      const time = this.#times[i] as number;
      const column = Math.min(COLUMNS - 1, Math.floor(((time - begin) / span) * COLUMNS));
      const row = region?.counts[Math.floor((gfn - region.gfn) / pagesPerRow)];
      if (row === undefined) continue;
      row[column] = (row[column] as number) + 1;
      most = Math.max(most, row[column] as number);
    }
    return most;
  }
}

const isIn = ({ gfn, npages }: Pick<Place, 'gfn' | 'npages'>, page: number): boolean =>
  page >= gfn && page < gfn + npages;

function clusters(gfns: readonly number[]): Place[] {
  const ascending = [...new Set(gfns)].sort((a, b) => a - b);
  for (let apart = APART; ; apart *= 2) {
    const places = clustersOf(ascending, apart);
    if (places.length <= MOST_CLUSTERS) return places;
  }
}

function clustersOf(ascending: readonly number[], apart: number): Place[] {
  const places: { name: string; gfn: number; npages: number }[] = [];
  for (const gfn of ascending) {
    const last = places.at(-1);
    if (last !== undefined && gfn < last.gfn + last.npages + apart)
      last.npages = gfn - last.gfn + 1;
    else places.push({ name: 'memory', gfn, npages: 1 });
  }
  return places;
}
