// The guest programs by name.
import { FRAME_BUFFER_PAGES, framebuffer } from './framebuffer.ts';
import type { Guest, GuestProgram } from './guest.ts';
import { keyValue } from './key-value.ts';
import { pluggable } from './pluggable.ts';
import { samePages } from './same-pages.ts';
import { random, sequential, zipf } from './writers.ts';

export type GuestName =
  | 'sequential'
  | 'random'
  | 'zipf'
  | 'framebuffer'
  | 'key-value'
  | 'ksm'
  | 'plug';

interface GuestKind {
  readonly program: (guest: Guest) => GuestProgram;
  /** Harvests a second unless told otherwise; a frame buffer is read 60 times a second. */
  readonly harvestsPerSecond: number;
  /** Pages it needs, where that is not the user's choice. */
  readonly pages?: number;
  /** It remembers what it stored, beside the ledger: the host may not drop its pages. */
  readonly remembers?: boolean;
  /** The host merges equal pages meanwhile. */
  readonly ksm?: boolean;
  /** The VMM moves, deletes and creates a part of its memory meanwhile. */
  readonly plug?: boolean;
  readonly says: string;
}

export const GUESTS: Readonly<Record<GuestName, GuestKind>> = {
  sequential: { program: sequential, harvestsPerSecond: 50, says: 'writes page after page' },
  random: { program: random, harvestsPerSecond: 50, says: 'writes pages at random' },
  zipf: { program: zipf, harvestsPerSecond: 50, says: 'writes a few pages often, most rarely' },
  framebuffer: {
    program: framebuffer,
    harvestsPerSecond: 60,
    pages: FRAME_BUFFER_PAGES,
    says: 'paints rectangles, harvested 60 times a second',
  },
  'key-value': {
    program: keyValue,
    harvestsPerSecond: 50,
    remembers: true,
    says: 'keeps a hash table and checks every record that it reads',
  },
  ksm: {
    program: samePages,
    harvestsPerSecond: 50,
    ksm: true,
    says: 'changes pages and changes them back while the host merges equal ones',
  },
  plug: {
    program: pluggable,
    harvestsPerSecond: 50,
    plug: true,
    says: 'writes memory that the VMM moves, takes away and brings back',
  },
};
