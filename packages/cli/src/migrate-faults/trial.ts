// One migration with one fault: what came of both sides, and whether the guest is whole.
import {
  type Channel,
  MigrationError,
  plainMemory,
  type Received,
  receiveMigration,
  sendMigration,
} from '@faultline/machine';
import { type Hvn, PAGE_SIZE, pauseVcpus, readMemslots, resumeVcpus } from '@faultline/mmu';
import { countDifferences, type RunningGuest } from '@faultline/runner';
import { connectAll, type Listener } from '../migrate/endpoint.ts';
import { clock } from '../migrate/node-side.ts';
import { sourceOf } from '../migrate/send.ts';
import { faulty, type Plan } from './faults.ts';

export interface Trial {
  readonly plan: Plan;
  readonly connections: number;
  readonly session: number;
}

/** What both sides said; `complaints`: what must never be. */
export interface TrialResult {
  readonly source: string;
  readonly destination: string;
  readonly complaints: readonly string[];
  /** Bytes that the source handed over; undefined when it failed. */
  readonly transferred: number | undefined;
}

/** Longer than a loaded machine lets threads wait for a turn, and short enough for a thousand. */
const STALL_MS = 1500;
const RUNS_WITHIN_MS = 5000;

/** `guest` runs before and after. */
export async function runTrial(
  guest: RunningGuest,
  listener: Listener,
  { plan, connections, session }: Trial,
): Promise<TrialResult> {
  const controller = new AbortController();
  const { machine } = guest;
  const memory = new Uint8Array(machine.vm.hostPages * PAGE_SIZE);
  const arrived: Channel[] = [];
  const accept = async (): Promise<Channel> => {
    const channel = await listener.accept();
    arrived.push(channel);
    return channel;
  };
  const open = () => plainMemory(memory);
  const arriving = receiveMigration({ clock, stallMs: STALL_MS, accept, open });
  const sockets = await connectAll(listener.at, connections);
  const { channels, happened } = faulty(sockets, plan, () => controller.abort());
  const leaving = sendMigration(sourceOf(guest), channels, {
    clock,
    session,
    signal: controller.signal,
    stallMs: plan.fault === 'stalled' ? STALL_MS / 5 : STALL_MS,
    downtimeLimitMs: 300,
  });
  const [source, destination] = await Promise.all([settled(leaving), settled(arriving)]);
  for (const channel of [...sockets, ...arrived]) channel.close();
  const complaints = [
    ...complaintsOfSource(guest, source),
    ...complaintsOfDestination(guest, memory, source, destination),
    ...(await complaintsOfRunning(guest)),
  ];
  return {
    source: named(source),
    destination: named(destination) + (happened() ? '' : ' (the fault came too late)'),
    complaints,
    transferred: source instanceof Error ? undefined : source.ram.transferred,
  };
}

const settled = <Value>(side: Promise<Value>): Promise<Value | MigrationError> =>
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

/** Paused only if it was handed over; whole; not logged. Leaves it paused. */
function complaintsOfSource({ mem, machine }: RunningGuest, source: object): string[] {
  const { vm, ledger } = machine;
  const complaints: string[] = [];
  const paused = mem.load32(vm.at.vcpus_paused) === 1;
  const handedOver = !(source instanceof Error);
  if (paused !== handedOver) complaints.push(`the guest is ${paused ? 'paused' : 'running'}`);
  pauseVcpus(mem, vm);
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

/** Complete is complete: then its memory is the guest's, which has not run since if it was handed over. */
function complaintsOfDestination(
  { machine }: RunningGuest,
  memory: Uint8Array,
  source: object,
  destination: Received | MigrationError,
): string[] {
  if (destination instanceof MigrationError) {
    return source instanceof Error ? [] : ['handed over to a destination that refused it'];
  }
  if (source instanceof Error) return destination.handedOver ? ['two guests'] : [];
  const expected = new Uint8Array(machine.ledger.buffer, 0, memory.length);
  return Buffer.compare(memory, expected) === 0 ? [] : ['the destination has other memory'];
}

/** Lets the guest run on, and sees that it does. */
async function complaintsOfRunning({ mem, machine }: RunningGuest): Promise<string[]> {
  const ledger = new Uint8Array(machine.ledger.buffer);
  const before = ledger.slice();
  resumeVcpus(mem, machine.vm);
  for (const end = clock.now() + RUNS_WITHIN_MS; clock.now() < end; ) {
    if (Buffer.compare(ledger, before) !== 0) return [];
    await clock.sleep(1);
  }
  return [`the guest has not written anything for ${RUNS_WITHIN_MS} ms`];
}
