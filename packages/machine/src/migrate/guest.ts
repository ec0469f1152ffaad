// What a migration needs of the two VMs.
import type { PageReader } from './page-batch.ts';
import type { Shape } from './shape.ts';

/** A guest that can be migrated away. `vmGuest` makes one of a VM of the MMU. */
export interface SourceGuest extends PageReader {
  /** Does not change while the guest is migrated. */
  readonly shape: Shape;
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
  /** Lets the vCPUs go on after `pause`. */
  resume(): void;
  /** Lets the vCPUs run (100 - percent) of the time; 0: all of it. Absent: this guest cannot be throttled. */
  throttle?(percent: number): void;
}

/** Memory that is filled from a stream. All zero at first, and nobody else touches it before the migration is complete. */
export interface DestinationMemory extends PageReader {
  /** Stores a page: `contents` has exactly as many bytes as a page, and is overwritten after the call. */
  writePage(hvn: number, contents: Uint8Array): void;
  /** The same for several pages from `hvn` on at once, where they lie side by side. */
  writePages?(hvn: number, contents: Uint8Array): void;
  /** Makes a page zero; it may have had contents before. */
  zeroPage(hvn: number): void;
  /** What the source's `saveState` answered; overwritten after the call. Throws what is wrong with it. Absent: it is dropped. */
  loadState?(state: Uint8Array): void;
}
