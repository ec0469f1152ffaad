// The model against migrations that really happen: a guest is watched for two seconds by a client of the dirty log, its
// migration is predicted, and then it is migrated, over a channel that is as fast as was said.
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
  type MigrationParameters,
  predict,
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
  /** Bytes a second that it really had: less than asked for, where its thread waits for a processor. */
  readonly got: number | undefined;
  /** The same prediction, had that been known. */
  readonly atWhatItGot: StrategyPrediction | undefined;
}

const PAGE = 4096;
const WATCH_MS = 2000;
const HARVEST_MS = 25;

export async function checkMachine(of: MachineCase): Promise<MachineResult> {
  const guest = new PacedGuest(of);
  guest.run();
  try {
    const windows = await watch(guest);
    const load = new WorkingSet({ windows, memoryPages: of.memory / PAGE });
    const predicted = (bandwidth: number): StrategyPrediction => predictOne(load, of, bandwidth);
    const actual = await migrate(guest, of);
    const got = actual && bandwidthOf(actual);
    return {
      of,
      prediction: predicted(of.bandwidth),
      actual,
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
  bandwidth: number,
): StrategyPrediction {
  const parameters: MigrationParameters = {
    bandwidth,
    downtimeMs,
    timeoutS,
    progressTimeoutS: 0,
    compressionRatio: 1,
    overheadMs: 0,
    stateMs: 0,
    dirtyRingSize: 4096,
    vcpus: 1,
  };
  const strategy = autoConverge ? 'auto-converge' : 'precopy';
  return predict({ pages: load }, [strategy], parameters)[0] as StrategyPrediction;
}

/** Over all of it: sent bytes in the time that was not setting up. */
const bandwidthOf = (info: MigrationInfo): number =>
  (info.ram.transferred / (info['total-time'] - info['setup-time'])) * 1000;

/** Harvest after harvest; when in its window a page was written, nobody says: evenly, then. */
async function watch({ vm }: PacedGuest): Promise<WriteWindow[]> {
  const client = vm.dirtyClient('predict-check');
  const windows: WriteWindow[] = [];
  const from = performance.now();
  for (let begin = from; begin < from + WATCH_MS; ) {
    await sleep(HARVEST_MS);
    const gfns = client.take();
    const now = performance.now();
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
  return windows;
}

async function migrate(guest: PacedGuest, of: MachineCase): Promise<MigrationInfo | undefined> {
  const { port1, port2 } = new MessageChannel();
  // Node's types of the events differ; its ports do not.
  const [here, there] = [port1, port2].map((port) => portChannel(port as unknown as Port)) as [
    Channel,
    Channel,
  ];
  const arriving = receiveVm({ accept: async () => there }).catch(() => undefined);
  try {
    return await guest.vm.migrate([here], {
      stop: () => guest.stop(),
      resume: () => guest.run(),
      throttle: (percent) => guest.throttle(percent),
      maxBandwidth: of.bandwidth,
      downtimeLimitMs: of.downtimeMs,
      timeoutS: of.timeoutS,
      autoConverge: of.autoConverge === true,
      verify: false,
    });
  } catch (error) {
    if (error instanceof MigrationError && error.reason === 'diverging') return undefined;
    throw error;
  } finally {
    await arriving;
    port1.close();
    port2.close();
  }
}
