// A vCPU thread: runs a guest program until it is stopped, or plays a trace in step with the VMM.
import type { Shared } from '@faultline/atomics';
import { enterGuest, leaveGuest, newVcpu, type Vcpu } from '@faultline/mmu';
import { isStopped, sleep } from './control.ts';
import { ArrivingGuest } from './guests/arriving-guest.ts';
import { Guest, type GuestProgram, LostWrite } from './guests/guest.ts';
import { GUESTS } from './guests/guests.ts';
import { play } from './guests/trace-player.ts';
import type { Job } from './job.ts';
import { Meter, type VcpuReport } from './meter.ts';
import { parkForEver, parkIfAsked } from './parking.ts';
import { Throttle } from './throttle.ts';

/** Touches. */
export const BATCH = 512;
/** Batches with each fault timed, then as many timed as a whole, in turn. */
const BATCHES_PER_MODE = 16;

type VcpuJob = Extract<Job, { role: 'vcpu' }>;
type PlayerJob = Extract<Job, { role: 'player' }>;

export function runProgram(mem: Shared, job: VcpuJob): VcpuReport {
  const { machine } = job;
  const vcpu = newVcpu(job.vcpu);
  // The VMM has the page read-only for a while; the store waits.
  vcpu.memoryFault = () => {
    sleep(mem, machine.control, 1);
  };
  const meter = new Meter(vcpu);
  const { program, batches } = begin(mem, job, vcpu);
  const throttle = new Throttle(mem, machine, vcpu);
  const start = performance.now() + job.warmUpMs;
  const batchesWord = machine.control.batches[vcpu.id] as number;
  const run = (): void => {
    for (let batch = batches; !isStopped(mem, machine.control); batch++) {
      if (performance.now() >= start) meter.start();
      meter.timeFaults((batch / BATCHES_PER_MODE) % 2 >= 1);
      meter.beginBatch();
      program.run(BATCH);
      meter.endBatch(BATCH);
      mem.store32(batchesWord, batch + 1);
      throttle.rest();
      parkIfAsked(mem, machine.vm, machine.control, vcpu);
    }
    program.finish?.();
  };
  try {
    return guarded(mem, machine.vm, vcpu, meter, run);
  } finally {
    parkForEver(mem, machine.control, vcpu.id);
  }
}

/** The program where it begins, or where it was at the source: after so many batches. */
function begin(
  mem: Shared,
  job: VcpuJob,
  vcpu: Vcpu,
): { readonly program: GuestProgram; readonly batches: number } {
  const { machine, regions } = job;
  const make = GUESTS[job.program].program;
  if (job.arrives !== true)
    return { program: make(new Guest(mem, machine, vcpu, regions)), batches: 0 };
  const guest = new ArrivingGuest(mem, machine, vcpu, regions);
  const program = make(guest);
  const batches = replay(mem, job, program);
  guest.goLive();
  return { program, batches };
}

/** Makes the touches that were made at the source, as far as is known yet, until the guest may run. Outside the guest. */
function replay(
  mem: Shared,
  { machine: { control }, vcpu }: VcpuJob,
  program: GuestProgram,
): number {
  const upToWord = control.upTo[vcpu] as number;
  const batchesWord = control.batches[vcpu] as number;
  for (let batches = 0; ; ) {
    // Before the two are read: what is said after that is met by the next look.
    const arrival = mem.load32(control.arrival);
    const isLive = mem.load32(control.live) === 1;
    for (const upTo = mem.load32(upToWord); batches < upTo && !isStopped(mem, control); ) {
      program.run(BATCH);
      mem.store32(batchesWord, ++batches);
    }
    if (isLive || isStopped(mem, control)) return batches;
    mem.waitWhile(control.arrival, arrival);
  }
}

/** Plays the trace over and over. The first pass warms up; of the others, every second one times each fault. */
export function runPlayer(mem: Shared, job: PlayerJob): VcpuReport {
  const { machine, tracks } = job;
  const vcpu = newVcpu(job.vcpu);
  const meter = new Meter(vcpu);
  const guest = new Guest(mem, machine, vcpu, []);
  const steps = tracks[0]?.upTo.length ?? 0;
  const report = guarded(mem, machine.vm, vcpu, meter, () => {
    for (let epoch = 0; !isStopped(mem, machine.control); epoch++) {
      const step = epoch % steps;
      const pass = Math.floor(epoch / steps);
      if (step === 0) beginPass(meter, pass);
      let played = 0;
      meter.beginBatch();
      for (const { touches, upTo } of tracks) {
        const from = step === 0 ? 0 : (upTo[step - 1] as number);
        const to = upTo[step] as number;
        play(guest, touches, from, to, job.restore);
        played += to - from;
      }
      meter.endBatch(played);
      awaitStep(mem, job, vcpu, epoch + 1);
    }
  });
  // After a lost write the others go on to the end: the VMM must not wait for this vCPU.
  reach(mem, job, LAST_EPOCH);
  return report;
}

const LAST_EPOCH = 2 ** 31 - 1;

/** Says how far this vCPU has come. */
function reach(mem: Shared, { machine, vcpu }: PlayerJob, epoch: number): void {
  const word = machine.control.reached[vcpu] as number;
  mem.store32(word, epoch);
  mem.notify(word);
}

function beginPass(meter: Meter, pass: number): void {
  if (pass > 0) meter.start();
  meter.timeFaults(pass % 2 === 1);
}

/** Says how far this vCPU has come, and waits outside the guest until the VMM lets it go on. */
function awaitStep(mem: Shared, job: PlayerJob, vcpu: Vcpu, reached: number): void {
  const { vm, control } = job.machine;
  leaveGuest(mem, vcpu);
  reach(mem, job, reached);
  mem.waitWhile(control.epoch, reached - 1);
  enterGuest(mem, vm, vcpu);
}

/** Runs the guest; a lost write ends it and is reported, any other error is thrown. */
function guarded(
  mem: Shared,
  vm: Parameters<typeof enterGuest>[1],
  vcpu: Vcpu,
  meter: Meter,
  guest: () => void,
): VcpuReport {
  enterGuest(mem, vm, vcpu);
  try {
    guest();
    return meter.report();
  } catch (error) {
    if (error instanceof LostWrite) return meter.report(error.message);
    throw error;
  } finally {
    leaveGuest(mem, vcpu);
  }
}
