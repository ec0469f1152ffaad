// What source and destination must agree on before the first page: how much memory there is, and where the guest sees it.
import { MigrationError } from './failure.ts';

/** One memory slot, in pages. */
export interface SlotShape {
  /** As KVM numbers it. */
  readonly id: number;
  /** Where the guest finds its first page: gpa / page size. */
  readonly gfn: number;
  /** Pages. */
  readonly npages: number;
  /** The first of the VMM's pages behind it. */
  readonly hvn: number;
}

/** A VM's memory without its contents. hvn: number of a page in the VMM's memory, from 0. */
export interface Shape {
  /** Pages of the VMM's memory; those in no slot are not sent, unless `allPages` says so. */
  readonly pages: number;
  /** Bytes. */
  readonly pageSize: number;
  /** At most 32. */
  readonly slots: readonly SlotShape[];
  /** All the VMM's memory is sent, what no slot shows too: slots may change before the guest arrives, and show it again. */
  readonly allPages?: boolean;
}

export const MOST_PAGES: number = 2 ** 22;
export const MOST_SLOTS = 32;
const MOST_PAGE_SIZE = 65_536;

/** What is wrong with a shape, if anything. */
export function complaintOf({ pages, pageSize, slots }: Shape): string | undefined {
  if (!(pages >= 1 && pages <= MOST_PAGES)) return `1 to ${MOST_PAGES} pages, got ${pages}`;
  if (!(pageSize >= 16 && pageSize <= MOST_PAGE_SIZE && pageSize % 16 === 0)) {
    return `pages of a multiple of 16 bytes up to ${MOST_PAGE_SIZE}, got ${pageSize}`;
  }
  if (slots.length > MOST_SLOTS) return `at most ${MOST_SLOTS} slots, got ${slots.length}`;
  for (const { id, npages, hvn } of slots) {
    if (npages >= 1 && hvn + npages <= pages) continue;
    return `slot ${id} within ${pages} pages, got ${npages} pages from ${hvn} on`;
  }
  return undefined;
}

/** Refuses a VM that is not like `expected`. */
export function assertSameShape(expected: Shape, got: Shape): void {
  const says = ({ pages, pageSize, slots, allPages }: Shape): string =>
    `${pages} pages of ${pageSize} bytes${allPages ? ', all sent' : ''}, slots ${slots.map((s) => `${s.id}: gfn ${s.gfn}, ${s.npages} pages at ${s.hvn}`).join('; ')}`;
  if (says(expected) === says(got)) return;
  throw new MigrationError('version', `expected a VM of ${says(expected)}, got ${says(got)}`);
}

/** The pages that are sent: those that some slot shows, or all; ranges of hvns without overlap, in order. */
export function pageRanges({ pages, slots, allPages }: Shape): { hvn: number; npages: number }[] {
  if (allPages) return [{ hvn: 0, npages: pages }];
  const ranges: { hvn: number; npages: number }[] = [];
  for (const { hvn, npages } of slots.toSorted((a, b) => a.hvn - b.hvn)) {
    const last = ranges.at(-1);
    const end = last === undefined ? 0 : last.hvn + last.npages;
    if (last !== undefined && hvn < end) last.npages = Math.max(end, hvn + npages) - last.hvn;
    else ranges.push({ hvn, npages });
  }
  return ranges;
}
