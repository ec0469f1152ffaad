// The model against migrations that really happen: a guest is watched for two seconds by a client of the dirty log, its
// migration is predicted, and then it is migrated, over a channel that is as fast as was said. What a harvest costs is measured
// while the guest is watched; what setting up and handing over cost, by a migration of an idle guest before.
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import {
  type Channel,
  MigrationError,
  type MigrationInfo,
  type Port,
  portChannel,
  receiveVm,
} from '@faultline/machine';
import {
  type Harvest,
  type MigrationParameters,
  predict,
  type RoundCost,
  roundCostOf,
  type StrategyPrediction,
  WorkingSet,
  type WriteWindow,
} from '@faultline/trace';
import { PacedGuest, type PacedOptions } from './paced-guest.ts';

export interface MachineCase extends PacedOptions {
  /** Bytes a second. */
  readonly bandwidth: number;
  readonly downtimeMs: number;
  readonly timeoutS: number;
  readonly autoConverge?: boolean;
}

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
const WATCH_MS = 2000;
const HARVEST_MS = 25;

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
    const migrated = await migrate(guest, IDLE);
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
    const { info, got } = (await migrate(guest, of)) ?? {};
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

interface Watched {
  readonly windows: readonly WriteWindow[];
  readonly harvests: readonly Harvest[];
}

/** Harvest after harvest; when in its window a page was written, nobody says: evenly, then. */
async function watch({ vm }: PacedGuest): Promise<Watched> {
  const client = vm.dirtyClient('predict-check');
  const windows: WriteWindow[] = [];
  const harvests: Harvest[] = [];
  const from = performance.now();
  for (let begin = from; begin < from + WATCH_MS; ) {
    await sleep(HARVEST_MS);
    const asked = performance.now();
    const gfns = client.take();
    const now = performance.now();
    harvests.push({ pages: gfns.length, seconds: (now - asked) / 1000 });
    const seconds = (now - begin) / 1000;
    windows.push({
      migration: 0,
      begin: begin / 1000,
      seconds,
      gfns,
      delays: gfns.map((_, i) => ((i + 1) / gfns.length) * seconds),
      dirty: gfns.length,
      isLast: false,
    });
    begin = now;
  }
  client.close();
  return { windows, harvests };
}

interface Migrated {
  readonly info: MigrationInfo;
  /** Bytes a second, by all rounds under the running guest; undefined: nothing was sent in them. */
  readonly got: number | undefined;
}

/** Undefined: it did not converge. */
async function migrate(guest: PacedGuest, of: MachineCase): Promise<Migrated | undefined> {
  const { port1, port2 } = new MessageChannel();
  // Node's types of the events differ; its ports do not.
  const [here, there] = [port1, port2].map((port) => portChannel(port as unknown as Port)) as [
    Channel,
    Channel,
  ];
  const arriving = receiveVm({ accept: async () => there }).catch(() => undefined);
  const sent = new Sent();
  try {
    const info = await guest.vm.migrate([here], {
      stop: () => guest.stop(),
      resume: () => guest.run(),
      throttle: (percent) => guest.throttle(percent),
      maxBandwidth: of.bandwidth,
      downtimeLimitMs: of.downtimeMs,
      timeoutS: of.timeoutS,
      autoConverge: of.autoConverge === true,
      verify: false,
      progress: (report) => sent.afterRound(report),
    });
    return { info, got: sent.bandwidth };
  } catch (error) {
    if (error instanceof MigrationError && error.reason === 'diverging') return undefined;
    throw error;
  } finally {
    await arriving;
    port1.close();
    port2.close();
  }
}

/** What was sent, and how long the sending took: not harvests, nor setting up. */
class Sent {
  #bytes = 0;
  #ms = 0;

  afterRound({ status, ram: { transferred, mbps } }: MigrationInfo): void {
    if (status !== 'active' || mbps === 0) return;
    this.#ms += ((transferred - this.#bytes) * 8) / 1000 / mbps;
    this.#bytes = transferred;
  }

  get bandwidth(): number | undefined {
    return this.#ms === 0 ? undefined : (this.#bytes / this.#ms) * 1000;
  }
}
