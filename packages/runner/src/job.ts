// What a worker thread is told to do, and what it says when it is done. Plain data: it crosses between threads.
import type { AgingStat } from './ager.ts';
import type { GuestName } from './guests/guests.ts';
import type { HostStat } from './host-agent.ts';
import type { KsmStat } from './ksmd.ts';
import type { LogReaderStat } from './log-readers.ts';
import type { Machine, Region } from './machine.ts';
import type { VcpuReport } from './meter.ts';
import type { MigrationResult } from './migration.ts';
import type { SlotStat } from './slot-changer.ts';
import type { SnapshotStat } from './snapshot-taker.ts';
import type { Step, Touches } from './trace-plan.ts';

export interface MigrateSetup {
  readonly destination: Int32Array;
  readonly downtimeMs: number;
  readonly maxRounds: number;
}

export type Job = { readonly machine: Machine } & (
  | {
      readonly role: 'vcpu';
      readonly vcpu: number;
      readonly program: GuestName;
      readonly regions: readonly Region[];
      /** Time before faults count. */
      readonly warmUpMs: number;
      /** It comes from another process: see arriving-guest.ts. */
      readonly arrives?: boolean;
    }
  | {
      readonly role: 'player';
      readonly vcpu: number;
      /** Touches of each recorded vCPU that this one plays, with how far each step lets it go. */
      readonly tracks: readonly { readonly touches: Touches; readonly upTo: readonly number[] }[];
      readonly restore: boolean;
    }
  | {
      readonly role: 'vmm';
      readonly regions: readonly Region[];
      readonly harvestsPerSecond: number;
      /** Clients of the log beside the migration that copy what they are told; 0: one that only takes. */
      readonly readers: number;
      /** Which region to take snapshots of again and again. */
      readonly snapshots: { readonly region: Region; readonly restores: boolean } | undefined;
      readonly migrate: MigrateSetup | undefined;
    }
  | {
      readonly role: 'script';
      readonly steps: readonly Step[];
      readonly seconds: number;
      readonly migrate: MigrateSetup | undefined;
    }
  | { readonly role: 'ksmd'; readonly regions: readonly Region[] }
  | { readonly role: 'host'; readonly region: Region; readonly drops: boolean }
  | { readonly role: 'ager'; readonly regions: readonly Pick<Region, 'hvn' | 'npages'>[] }
  | { readonly role: 'plug'; readonly region: Region }
);

/** A worker's first message: it is connected and goes to work. */
export const BEGUN = 'begun';

/** Times of mmu_lock as one thread saw them. */
export interface LockReport {
  readonly waits: number;
  readonly waitedMs: number;
  readonly writes: number;
  readonly writtenMs: number;
  /** Read sections times the median length of one in 64: a mean would count a thread's lost time slices. */
  readonly readMs: number;
}

/** What the VMM saw. */
export interface VmmReport {
  /** Dirty pages of each harvest. */
  readonly harvests: readonly number[];
  readonly migrations: readonly MigrationResult[];
  readonly passes: number;
  readonly readers?: LogReaderStat;
  readonly snapshots?: SnapshotStat;
}

export interface WorkerReport {
  readonly lock: LockReport;
  readonly vcpu?: VcpuReport;
  readonly vmm?: VmmReport;
  readonly ksm?: KsmStat;
  readonly host?: HostStat;
  readonly aging?: AgingStat;
  readonly slots?: SlotStat;
}
