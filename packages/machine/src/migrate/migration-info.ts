// What is said of a migration, by QEMU's names (query-migrate). Times in milliseconds, sizes in bytes.

export type MigrationStatus =
  | 'setup'
  | 'active'
  | 'postcopy-active'
  | 'completed'
  | 'failed'
  | 'cancelled';

export interface MigrationInfo {
  readonly status: MigrationStatus;
  readonly 'total-time': number;
  readonly 'setup-time': number;
  /** How long the guest stood still, the comparison of both memories (`verify-time`) included. */
  readonly downtime: number;
  /** What stopping now would cost, by the bandwidth of the last round; undefined before the first is over. */
  readonly 'expected-downtime'?: number;
  readonly 'verify-time': number;
  readonly 'cpu-throttle-percentage': number;
  readonly ram: RamInfo;
  /** Pages sent in each round; the last with the vCPUs stopped. */
  readonly rounds: readonly number[];
  /** False: the handover could not be sent whole. The destination has everything, and may wait to be told to run it. */
  readonly confirmed: boolean;
  /** CRC-32 of the memory with the vCPUs stopped, equal on both sides; undefined before, or when not asked for. */
  readonly digest?: number;
}

export interface RamInfo {
  /** Sent, heads and lists included. */
  readonly transferred: number;
  readonly remaining: number;
  readonly total: number;
  /** Zero pages. */
  readonly duplicate: number;
  /** Pages sent with their contents. */
  readonly normal: number;
  readonly 'normal-bytes': number;
  /** Pages a second. */
  readonly 'dirty-pages-rate': number;
  /** Megabits a second. */
  readonly mbps: number;
  readonly 'dirty-sync-count': number;
  readonly 'page-size': number;
}
