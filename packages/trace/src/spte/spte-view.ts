// What a shadow page-table entry says, whichever of KVM's two formats it is written in. The formats: npt-spte.ts (AMD's
// nested paging, and the shadow MMU on both) and ept-spte.ts (Intel). Which one a trace has: spte-layout.ts.
import type { Gfn, Pfn } from '@faultline/mmu';
import type { Halves } from '../halves.ts';
import { viewEptSpte } from './ept-spte.ts';
import { viewNptSpte } from './npt-spte.ts';

export type SpteLayout = 'npt' | 'ept';

/** A leaf maps memory, a table leads to the next level, the others map nothing. */
export type SpteKind = 'none' | 'frozen' | 'mmio' | 'table' | 'leaf';

export interface SpteView {
  readonly layout: SpteLayout;
  readonly kind: SpteKind;
  /** Leads somewhere: a table or a leaf. */
  readonly present: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  /** The host's page and the memslot allow stores. */
  readonly hostWritable: boolean;
  /** The gfn shadows no guest page table: with `hostWritable`, the fast path may make it writable. */
  readonly mmuWritable: boolean;
  /** Undefined where hardware keeps no A and D in it. */
  readonly accessed: boolean | undefined;
  readonly dirty: boolean | undefined;
  /** All its rights are taken away, so that the next access tells of itself; `readable` and `executable` are what it had. */
  readonly accessTracked: boolean;
  /** Of a leaf or a table. */
  readonly pfn: Pfn | undefined;
  /** Of an MMIO spte. */
  readonly mmio: MmioView | undefined;
}

export interface MmioView {
  /** In the low bits only, where the machine's address width makes KVM move the high ones (L1TF). */
  readonly gfn: Gfn;
  /** Of the memslots when the spte was made: 19 bits. */
  readonly generation: number;
}

export const viewSpte = (spte: Halves, level: number, layout: SpteLayout): SpteView =>
  layout === 'ept' ? viewEptSpte(spte, level) : viewNptSpte(spte, level);
