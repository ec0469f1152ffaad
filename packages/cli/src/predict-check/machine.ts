// The model against migrations that really happen: a guest is watched for two seconds by a client of the dirty log, its
// migration is predicted, and then it is migrated, over a channel that is as fast as was said. What a harvest costs is measured
// while the guest is watched; what setting up and handing over cost, by a migration of an idle guest before.
import type { MigrationInfo } from '@faultline/machine';
import {
  type MigrationParameters,
  predict,
  type RoundCost,
  roundCostOf,
  type StrategyPrediction,
  WorkingSet,
} from '@faultline/trace';
import { type MachineCase, migrateGuest } from './migrate-guest.ts';
import { PacedGuest } from './paced-guest.ts';
import { watch } from './watch.ts';

export interface MachineResult {
  readonly of: MachineCase;
  readonly prediction: StrategyPrediction;
  /** Undefined: it did not converge. */
  readonly actual: MigrationInfo | undefined;
  /** Bytes a second that it really had while it sent: less than asked for, where its thread waits for a processor. */
  readonly got: number | undefined;
  /** The same prediction, had that been known. */
  readonly atWhatItGot: StrategyPrediction | undefined;
}

const PAGE = 4096;
const IDLE_MIGRATIONS = 5;

/** What a migration costs whose guest writes nothing. */
export type IdleCost = Pick<MigrationParameters, 'setupMs' | 'stateMs'>;

const IDLE: MachineCase = {
  pattern: 'random',
  memory: 64 * 2 ** 20,
  writesPerSecond: 0,
  bandwidth: 256 * 2 ** 20,
  downtimeMs: 100,
  timeoutS: 60,
};

/** The middle one of several: the first waits for code to be compiled. */
export async function idleCost(): Promise<IdleCost> {
  const infos: MigrationInfo[] = [];
  for (let time = 0; time < IDLE_MIGRATIONS; time++) {
    const guest = new PacedGuest(IDLE);
    guest.run();
    const migrated = await migrateGuest(guest, IDLE);
    if (migrated === undefined)
      throw new Error('expected an idle guest to be migrated, got no end');
    infos.push(migrated.info);
  }
  return {
    setupMs: middleOf(infos.map((info) => info['setup-time'])),
    stateMs: middleOf(infos.map(({ downtime }) => downtime)),
  };
}

const middleOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

export async function checkMachine(of: MachineCase, idle: IdleCost): Promise<MachineResult> {
  const guest = new PacedGuest(of);
  guest.run();
  try {
    const { windows, harvests } = await watch(guest);
    const load = new WorkingSet({ windows, memoryPages: of.memory / PAGE });
    const roundCost = roundCostOf(harvests) as RoundCost;
    const predicted = (bandwidth: number): StrategyPrediction =>
      predictOne(load, of, { ...idle, roundCost, bandwidth });
    const { info, got } = (await migrateGuest(guest, of)) ?? {};
    return {
      of,
      prediction: predicted(of.bandwidth),
      actual: info,
      got,
      atWhatItGot: got === undefined ? undefined : predicted(got),
    };
  } finally {
    guest.stop();
  }
}

function predictOne(
  load: WorkingSet,
  { downtimeMs, timeoutS, autoConverge }: MachineCase,
  measured: IdleCost & Pick<MigrationParameters, 'roundCost' | 'bandwidth'>,
): StrategyPrediction {
  const parameters: MigrationParameters = {
    ...measured,
    switchoverBandwidth: measured.bandwidth,
    downtimeMs,
    timeoutS,
    progressTimeoutS: 0,
    compressionRatio: 1,
    switchOver: 'round-end',
    ring: { size: 4096, vcpuShares: [1] },
  };
  const strategy = autoConverge ? 'auto-converge' : 'precopy';
  return predict({ pages: load }, [strategy], parameters)[0] as StrategyPrediction;
}
