// What is said of a migration, by QEMU's names (query-migrate). Times in milliseconds, sizes in bytes.

/** Where a migration stands. */
export type MigrationStatus =
  | 'setup'
  | 'active'
  | 'postcopy-active'
  | 'postcopy-paused'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** One report of a migration: what `progress` is told and `sendMigration` answers. */
export interface MigrationInfo {
  /** How far it is; 'completed', 'failed' and 'cancelled' are last. */
  readonly status: MigrationStatus;
  /** How the guest goes over: whole, or before its last pages. */
  readonly mode: 'precopy' | 'postcopy';
  /** Since it was begun. */
  readonly 'total-time': number;
  /** Until the destination had made the memory and said so. */
  readonly 'setup-time': number;
  /** How long the guest stood still, the comparison of both memories (`verify-time`) included. */
  readonly downtime: number;
  /** What stopping now would cost, by the bandwidth of the last round; undefined before the first is over. */
  readonly 'expected-downtime'?: number;
  /** The comparison of both memories; 0 where it was not asked for. */
  readonly 'verify-time': number;
  /** How much of the time the vCPUs are kept from running now: 0 to 99. */
  readonly 'cpu-throttle-percentage': number;
  /** Pages and bytes. */
  readonly ram: RamInfo;
  /** Pages sent in each round; the last with the vCPUs stopped. */
  readonly rounds: readonly number[];
  /** False: the handover could not be sent whole. The destination has everything, and may wait to be told to run it. */
  readonly confirmed: boolean;
  /** Checksum of the memory with the vCPUs stopped, equal on both sides; undefined before, or when not asked for. */
  readonly digest?: number;
}

/** What was sent of the memory, and what is left to send. */
export interface RamInfo {
  /** Sent, heads and lists included. */
  readonly transferred: number;
  /** Dirty at the last harvest and not sent since. */
  readonly remaining: number;
  /** Memory that slots show to the guest. */
  readonly total: number;
  /** Zero pages. */
  readonly duplicate: number;
  /** Pages sent with their contents. */
  readonly normal: number;
  /** `normal` in bytes, before compression. */
  readonly 'normal-bytes': number;
  /** Pages a second. */
  readonly 'dirty-pages-rate': number;
  /** Megabits a second. */
  readonly mbps: number;
  /** Harvests of the dirty log. */
  readonly 'dirty-sync-count': number;
  /** Pages that the destination's guest waited for, and asked for: of post-copy. */
  readonly 'postcopy-requests': number;
  /** Of one page. */
  readonly 'page-size': number;
}
