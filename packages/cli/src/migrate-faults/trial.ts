// One migration with one fault: what came of both sides, and whether what was promised is so. Post-copy's destination runs the guest.
import {
  type Channel,
  type DestinationMemory,
  MigrationError,
  type MigrationInfo,
  plainMemory,
  type Received,
  receiveMigration,
  type SourceOptions,
  sendMigration,
  vmMemory,
} from '@faultline/machine';
import { type Hvn, PAGE_SIZE, readMemslots } from '@faultline/mmu';
import {
  type ArrivingMachine,
  countDifferences,
  type GuestMachine,
  parseMachine,
  type RunningGuest,
  receiveGuest,
} from '@faultline/runner';
import { connectAll, type Listener } from '../migrate/endpoint.ts';
import { clock } from '../migrate/node-side.ts';
import { sourceOf } from '../migrate/send.ts';
import { faulty, type Plan } from './faults.ts';

export interface Trial {
  readonly plan: Plan;
  readonly connections: number;
  readonly session: number;
  readonly memoryMode: 'precopy' | 'postcopy';
  readonly postcopyAfterRounds: number;
  /** Post-copy: a broken connection is tried again. */
  readonly comesBack: boolean;
}

/** What both sides said; `complaints`: what must never be. */
export interface TrialResult {
  readonly source: string;
  readonly destination: string;
  readonly complaints: readonly string[];
}

/** Longer than a loaded machine lets threads wait for a turn, and short enough for a thousand. */
const STALL_MS = 1500;
const RUNS_WITHIN_MS = 5000;
/** How long the guest runs at a destination that has all of it. */
const THERE_MS = 10;

/** `guest` runs before and after. */
export async function runTrial(
  guest: RunningGuest,
  listener: Listener,
  trial: Trial,
): Promise<TrialResult> {
  const { plan, connections } = trial;
  const controller = new AbortController();
  const there = new There(guest, trial.memoryMode);
  const arrived: Channel[] = [];
  const arriving = receiveMigration({
    ...timing(trial),
    stallMs: STALL_MS,
    accept: async () => {
      const channel = await listener.accept();
      arrived.push(channel);
      return channel;
    },
    open: () => there.memory,
  });
  const sockets = await connectAll(listener.at, connections);
  const { channels, happened } = faulty(sockets, plan, () => controller.abort());
  const reconnect = async (): Promise<Channel[]> => {
    const again = await connectAll(listener.at, connections);
    sockets.push(...again);
    return again;
  };
  const leaving = sendMigration(sourceOf(guest), channels, {
    ...sourceOptions(trial),
    signal: controller.signal,
    ...(trial.comesBack ? { reconnect } : {}),
  });
  const [source, destination] = await Promise.all([settled(leaving), settled(arriving)]);
  for (const channel of [...sockets, ...arrived]) channel.close();
  const complaints = [
    ...complaintsOfSource(guest, source),
    ...(await there.complaints(source, destination)),
    ...(await complaintsOfRunning(guest)),
  ];
  return {
    source: named(source),
    destination: named(destination) + (happened() ? '' : ' (the fault came too late)'),
    complaints,
  };
}

const timing = ({ comesBack }: Trial): Pick<SourceOptions, 'clock' | 'recoverS'> => ({
  clock,
  recoverS: comesBack ? 20 : 0.3,
});

const sourceOptions = (trial: Trial): SourceOptions => ({
  ...timing(trial),
  session: trial.session,
  memoryMode: trial.memoryMode,
  postcopyAfterRounds: trial.postcopyAfterRounds,
  stallMs: trial.plan.fault === 'stalled' ? STALL_MS / 5 : STALL_MS,
  // A guest that small fits in any downtime.
  downtimeLimitMs: trial.memoryMode === 'postcopy' ? -1 : 300,
});

type Side<Value> = Value | MigrationError;

const settled = <Value>(side: Promise<Value>): Promise<Side<Value>> =>
  side.catch((error: unknown) => {
    if (error instanceof MigrationError) return error;
    throw error;
  });

const named = (side: object): string => {
  if (side instanceof MigrationError) return side.reason;
  return 'handedOver' in side && side.handedOver === false
    ? 'complete, not handed over'
    : 'completed';
};

/** From then on the guest is not the source's any more. */
const wasHandedOver = (source: Side<MigrationInfo>): boolean =>
  !(source instanceof MigrationError) || source.reason === 'lost';

/** Paused only if it was handed over; whole; not logged. Leaves it paused. */
function complaintsOfSource(guest: RunningGuest, source: Side<MigrationInfo>): string[] {
  const { mem, machine } = guest;
  const { vm, ledger } = machine;
  const complaints: string[] = [];
  if (guest.isPaused !== wasHandedOver(source)) {
    complaints.push(`the guest is ${guest.isPaused ? 'paused' : 'running'}`);
  }
  guest.pause();
  let wrong = 0;
  for (let hvn = 0; hvn < vm.hostPages; hvn++) {
    wrong += countDifferences(mem, vm, hvn as Hvn, ledger);
  }
  if (wrong > 0) complaints.push(`${wrong} words of the guest are not what it wrote`);
  const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  if (slots.some(({ flags }) => flags !== 0)) complaints.push('the dirty log is still on');
  if (mem.load32(machine.control.throttle) !== 0) complaints.push('the vCPUs are still throttled');
  return complaints;
}

/** Where the guest goes: plain memory for pre-copy, a machine that runs it for post-copy. */
class There {
  readonly memory: DestinationMemory;
  readonly #source: RunningGuest;
  readonly #bytes: Uint8Array;
  readonly #machine: ArrivingMachine | undefined;

  constructor(source: RunningGuest, memoryMode: Trial['memoryMode']) {
    const { hostPages } = source.machine.vm;
    this.#source = source;
    this.#bytes = new Uint8Array(memoryMode === 'precopy' ? hostPages * PAGE_SIZE : 0);
    if (memoryMode === 'precopy') {
      this.memory = plainMemory(this.#bytes);
      return;
    }
    this.#machine = receiveGuest(parseMachine(source.name) as GuestMachine, hostPages);
    const { mem, machine } = this.#machine;
    this.memory = vmMemory(mem, machine.vm, this.#machine);
  }

  async complaints(source: Side<MigrationInfo>, destination: Side<Received>): Promise<string[]> {
    if (this.#machine !== undefined) return this.#complaintsOfMachine(source, destination);
    if (destination instanceof MigrationError) {
      return wasHandedOver(source) ? ['handed over to a destination that refused it'] : [];
    }
    if (!wasHandedOver(source)) return destination.handedOver ? ['two guests'] : [];
    // It has not run since, here or there.
    const expected = new Uint8Array(this.#source.machine.ledger.buffer, 0, this.#bytes.length);
    return Buffer.compare(this.#bytes, expected) === 0 ? [] : ['the destination has other memory'];
  }

  async #complaintsOfMachine(
    source: Side<MigrationInfo>,
    destination: Side<Received>,
  ): Promise<string[]> {
    const { mem, machine, stop, abandon } = this.#machine as ArrivingMachine;
    const ran = mem.load32(machine.control.live) === 1;
    const complaints = ran && !wasHandedOver(source) ? ['two guests'] : [];
    if (destination instanceof MigrationError) {
      await abandon();
      const isLost = source instanceof MigrationError && source.reason === 'lost';
      if (wasHandedOver(source) && !isLost)
        complaints.push('completed, and not at the destination');
      return complaints;
    }
    await clock.sleep(THERE_MS);
    const end = await stop();
    if (!end.ok) complaints.push(`the destination's guest is not whole: ${JSON.stringify(end)}`);
    if (!ran) complaints.push('the destination has the guest and does not run it');
    return complaints;
  }
}

/** Lets the guest run on, and sees that it does. */
async function complaintsOfRunning({ machine, mem, resume }: RunningGuest): Promise<string[]> {
  const made = (): number =>
    machine.control.batches.reduce((sum, word) => sum + mem.load32(word), 0);
  const before = made();
  resume();
  for (const end = clock.now() + RUNS_WITHIN_MS; clock.now() < end; ) {
    if (made() > before) return [];
    await clock.sleep(1);
  }
  return [`the guest has not written anything for ${RUNS_WITHIN_MS} ms`];
}
