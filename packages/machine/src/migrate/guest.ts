// What a migration needs of the two VMs.
import type { PageReader } from './page-batch.ts';
import type { Shape } from './shape.ts';

/** A guest that can be migrated away. `vmGuest` makes one of a VM of the MMU. */
export interface SourceGuest extends PageReader {
  readonly shape: Shape;
  /** From here on every page that is written turns up in a harvest. */
  startLogging(): void;
  /** As it was before `startLogging`. */
  stopLogging(): void;
  /** Visits each page that was written since the last harvest (or since logging began). */
  harvest(visit: (hvn: number) => void): void;
  /** When it returns, no vCPU stores until `resume`. */
  pause(): void;
  resume(): void;
  /** Lets the vCPUs run (100 - percent) of the time; 0: all of it. Absent: this guest cannot be throttled. */
  throttle?(percent: number): void;
}

/** Memory that is filled from a stream. All zero at first, and nobody else touches it before the migration is complete. */
export interface DestinationMemory extends PageReader {
  writePage(hvn: number, contents: Uint8Array): void;
  zeroPage(hvn: number): void;
}
