// What adds up in the course of a migration.
import type { Downtime, MigrationEnd, MigrationRound, MigrationRun } from './migration-run.ts';

export class MigrationTally {
  readonly rounds: MigrationRound[] = [];
  elapsedS: number;
  faults = 0;
  ringStallS = 0;
  #sentBytes = 0;

  constructor(setupMs: number) {
    this.elapsedS = setupMs / 1000;
  }

  round(round: Omit<MigrationRound, 'iter' | 'elapsedS'>): void {
    this.sent(round.bytes, round.transferS + round.overheadS);
    this.rounds.push({ iter: this.rounds.length, ...round, elapsedS: this.elapsedS });
  }

  sent(bytes: number, seconds: number): void {
    this.#sentBytes += bytes;
    this.elapsedS += seconds;
  }

  report(end: MigrationEnd, downtime: Downtime, remoteFaults = 0): MigrationRun {
    return {
      converges: end === 'converged' || end === 'postcopy',
      end,
      rounds: this.rounds,
      totalS: this.elapsedS,
      downtimeMs: sumMs(downtime),
      downtime,
      faults: Math.round(this.faults),
      remoteFaults,
      sentBytes: Math.round(this.#sentBytes),
      ringStallMs: this.ringStallS * 1000,
    };
  }
}

export const sumMs = ({ harvestMs, restMs, stateMs }: Downtime): number =>
  harvestMs + restMs + stateMs;
