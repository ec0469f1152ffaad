// A migration of a paced guest, over a channel that is as fast as was said.
import { MessageChannel } from 'node:worker_threads';
import {
  type Channel,
  MigrationError,
  type MigrationInfo,
  type Port,
  portChannel,
  receiveVm,
} from '@faultline/machine';
import type { PacedGuest, PacedOptions } from './paced-guest.ts';

export interface MachineCase extends PacedOptions {
  /** Bytes a second. */
  readonly bandwidth: number;
  readonly downtimeMs: number;
  readonly timeoutS: number;
  readonly autoConverge?: boolean;
}

export interface Migrated {
  readonly info: MigrationInfo;
  /** Bytes a second, by all rounds under the running guest; undefined: nothing was sent in them. */
  readonly got: number | undefined;
}

/** Undefined: it did not converge. */
export async function migrateGuest(
  guest: PacedGuest,
  of: MachineCase,
): Promise<Migrated | undefined> {
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
