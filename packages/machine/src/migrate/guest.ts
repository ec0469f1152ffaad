// What a migration needs of the two VMs.
import type { PageReader } from './page-batch.ts';
import type { Shape } from './shape.ts';

/** A guest that can be migrated away. `vmGuest` makes one of a VM of the MMU. */
export interface SourceGuest extends PageReader {
  /** Does not change while the guest is migrated. */
  readonly shape: Shape;
  /** What it is beside its memory, for a destination that runs it: at most 64 characters. Absent: memory alone is migrated. */
  readonly machine?: string;
  /** From here on every page that is written turns up in a harvest. */
  startLogging(): void;
  /** As it was before `startLogging`. */
  stopLogging(): void;
  /** Visits each page that was written since the last harvest (or since logging began). */
  harvest(visit: (hvn: number) => void): void;
  /** While pages are sent, every few milliseconds: lets vCPUs go on that wait for room in their log. Absent: none ever does. */
  relieve?(): void;
  /** When it is done, no vCPU stores until `resume`. */
  pause(): void | Promise<void>;
  /** While paused: what goes along beside the memory, registers and devices, at most 64 MiB. */
  saveState?(): Uint8Array;
  /** While it runs, at each round's end: the same as far as it has come, so that a destination can prepare. Absent: it need not. */
  previewState?(): Uint8Array;
  /** Lets the vCPUs go on after `pause`. */
  resume(): void;
  /** Lets the vCPUs run (100 - percent) of the time; 0: all of it. Absent: this guest cannot be throttled. */
  throttle?(percent: number): void;
}

/** Memory that is filled from a stream. All zero at first, and nobody else touches it before the guest is handed over. */
export interface DestinationMemory extends PageReader {
  /** Stores a page: `contents` has exactly as many bytes as a page, and is overwritten after the call. */
  writePage(hvn: number, contents: Uint8Array): void;
  /** The same for several pages from `hvn` on at once, where they lie side by side. */
  writePages?(hvn: number, contents: Uint8Array): void;
  /** Makes a page zero; it may have had contents before. */
  zeroPage(hvn: number): void;
  /**
   * What the source's `saveState` answered; overwritten after the call. Throws, or rejects, what is wrong with it; resolves when
   * the guest could be run: the handover waits for that. Absent: it is dropped.
   */
  loadState?(state: Uint8Array): void | Promise<void>;
  /** The same of `previewState`: how far the guest has come by now. */
  previewState?(state: Uint8Array): void;
  /** Absent: this destination takes no post-copy. */
  readonly postcopy?: PostcopyMemory;
}

/** Memory whose guest runs while some of its pages are still at the source. */
export interface PostcopyMemory {
  /** These pages are missing from now on, whatever came of them before: who touches one waits. */
  markMissing(hvn: number, npages: number): void;
  /** Gives a missing page its contents, or none: zero. Wakes who waits for it. */
  install(hvn: number, contents: Uint8Array | undefined): void;
  /** The guest is handed over: runs it. `ask` is told, once each, of the pages that somebody waits for. */
  run(ask: (hvn: number) => void): void;
}
