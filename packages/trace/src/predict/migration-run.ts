// What a migration is asked with, and what it answers.
import type { RingParameters } from './dirty-ring.ts';
import type { RoundCost } from './round-cost.ts';
import type { SwitchOver } from './switch-over.ts';

/** Names and defaults are QEMU's and cloud-hypervisor's, where they have one. */
export interface MigrationParameters {
  /** Bytes a second. */
  readonly bandwidth: number;
  /**
   * Bytes a second for what is sent while the guest stands still, or after it in post-copy. QEMU heeds no max-bandwidth then:
   * what the network carries.
   */
  readonly switchoverBandwidth: number;
  /** For what is left to send: stopping, the last harvest and the state come to that, as for every VMM. */
  readonly downtimeMs: number;
  readonly timeoutS: number;
  /** Give up when remaining bytes have had no new minimum for so long (KubeVirt's progressTimeout); 0: never. */
  readonly progressTimeoutS: number;
  /** Of every page, by which it gets smaller on the wire; 1: not compressed. */
  readonly compressionRatio: number;
  /** Before the first round: connections, the destination's memory, the begin of logging. */
  readonly setupMs: number;
  readonly roundCost: RoundCost;
  /** The part of the downtime that is not memory: stopping, device state, hand-over. */
  readonly stateMs: number;
  readonly switchOver: SwitchOver;
  readonly ring: RingParameters;
}

/** Field names as cloud-hypervisor logs them, but whole words and units. */
export interface MigrationRound {
  readonly iter: number;
  readonly pages: number;
  readonly bytes: number;
  readonly transferS: number;
  /** What came to the sending: the harvest at its end. */
  readonly overheadS: number;
  /** Dirty at its end. */
  readonly remainingBytes: number;
  /** What sending the rest would take: by this a VMM decides. */
  readonly estDowntimeMs: number;
  readonly elapsedS: number;
  readonly throttlePercent: number;
}

/** Why it ended. */
export type MigrationEnd = 'converged' | 'postcopy' | 'timeout' | 'no-progress' | 'rounds';

/** Parts of the downtime. Milliseconds. */
export interface Downtime {
  /** The log is read once more, with the vCPUs stopped. */
  readonly harvestMs: number;
  /** What is dirty by then is sent. */
  readonly restMs: number;
  readonly stateMs: number;
}

export interface MigrationRun {
  readonly converges: boolean;
  readonly end: MigrationEnd;
  readonly rounds: readonly MigrationRound[];
  /** Setting up and the stopped part included. */
  readonly totalS: number;
  /** Of a migration that does not converge: at its best round. */
  readonly downtimeMs: number;
  /** The sum of which is the downtime. */
  readonly downtime: Downtime;
  /** Write-protection faults of the guest. */
  readonly faults: number;
  /** Post-copy: pages asked for before they had come, at least: reads are not in a dirty log. */
  readonly remoteFaults: number;
  readonly sentBytes: number;
  /** How long the vCPU that writes most stood still because its ring was full. */
  readonly ringStallMs: number;
}
