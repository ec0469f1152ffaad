// A vCPU thread: runs a guest program until it is stopped, or plays a trace in step with the VMM.
import type { Shared } from '@faultline/atomics';
import { enterGuest, leaveGuest, newVcpu, type Vcpu } from '@faultline/mmu';
import { isStopped, sleep } from './control.ts';
import { Guest, LostWrite } from './guests/guest.ts';
import { GUESTS } from './guests/guests.ts';
import { play } from './guests/trace-player.ts';
import type { Job } from './job.ts';
import { Meter, type VcpuReport } from './meter.ts';
import { Throttle } from './throttle.ts';

const BATCH = 512;
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
  const program = GUESTS[job.program].program(new Guest(mem, machine, vcpu, job.regions));
  const throttle = new Throttle(mem, machine, vcpu);
  const start = performance.now() + job.warmUpMs;
  return guarded(mem, machine.vm, vcpu, meter, () => {
    for (let batch = 0; !isStopped(mem, machine.control); batch++) {
      if (performance.now() >= start) meter.start();
      meter.timeFaults((batch / BATCHES_PER_MODE) % 2 >= 1);
      meter.beginBatch();
      program.run(BATCH);
      meter.endBatch(BATCH);
      throttle.rest();
    }
    program.finish?.();
  });
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
