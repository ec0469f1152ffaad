// The one file that worker threads run: connects to the machine, does its job, reports.
import { parentPort, workerData } from 'node:worker_threads';
import { connectThread, type WasmShared } from '@faultline/atomics';
import { runAger } from './ager.ts';
import { isStopped, sleep } from './control.ts';
import { HostAgent, type HostStat } from './host-agent.ts';
import { BEGUN, type Job, type LockReport, type WorkerReport } from './job.ts';
import { Ksmd, type KsmStat } from './ksmd.ts';
import { AGENTS } from './machine.ts';
import { SlotChanger, type SlotStat } from './slot-changer.ts';
import { runPlayer, runProgram } from './vcpu-loop.ts';
import { runScript, runVmm } from './vmm-loop.ts';

/** Linux: pages_to_scan and sleep_millisecs, as the recorded host had them. */
const PAGES_TO_SCAN = 200;
const SLEEP_MS = 2;

const job = workerData as Job;
const mem = connectThread(job.machine.memory, threadOf(job), { now: () => performance.now() });

function threadOf({ machine: { vm }, ...rest }: Job): number {
  if (rest.role === 'vcpu' || rest.role === 'player') return rest.vcpu;
  return vm.vcpus + AGENTS[rest.role === 'script' ? 'vmm' : rest.role];
}

function run(): Omit<WorkerReport, 'lock'> {
  switch (job.role) {
    case 'vcpu':
      return { vcpu: runProgram(mem, job) };
    case 'player':
      return { vcpu: runPlayer(mem, job) };
    case 'vmm':
      return { vmm: runVmm(mem, job) };
    case 'script':
      return { vmm: runScript(mem, job) };
    case 'ksmd':
      return { ksm: runKsmd(job) };
    case 'host':
      return { host: runHost(job) };
    case 'ager':
      return { aging: runAger(mem, job) };
    case 'plug':
      return { slots: runSlotChanger(job) };
  }
}

function runKsmd({ machine, regions }: Extract<Job, { role: 'ksmd' }>): KsmStat {
  const { vm, control } = machine;
  const ksmd = new Ksmd(mem, vm, regions);
  while (!isStopped(mem, control)) {
    if (mem.load32(control.ksm) !== 1) {
      mem.waitWhile(control.ksm, 0);
      continue;
    }
    ksmd.scan(PAGES_TO_SCAN);
    sleep(mem, control, SLEEP_MS);
  }
  ksmd.close();
  return ksmd.stat;
}

function runHost({ machine, region, drops }: Extract<Job, { role: 'host' }>): HostStat {
  const agent = new HostAgent(mem, machine, region, drops);
  while (!isStopped(mem, machine.control)) agent.run();
  agent.close();
  return agent.stat;
}

function runSlotChanger({ machine, region }: Extract<Job, { role: 'plug' }>): SlotStat {
  const changer = new SlotChanger(mem, machine.vm, region);
  // Between two changes the guest finds what there is to find; a deletion lasts for as long.
  while (!isStopped(mem, machine.control)) {
    changer.step();
    sleep(mem, machine.control, SLEEP_MS);
  }
  changer.close();
  return changer.stat;
}

function lockReport(shared: WasmShared): LockReport {
  const times = shared.lockTimes(job.machine.vm.at.mmu_lock);
  const { waits, waitedMs, writes, writtenMs, reads } = times;
  const samples = times.readSamplesMs.toSorted((a, b) => a - b);
  const readMs = reads * (samples[samples.length >> 1] ?? 0);
  return { waits, waitedMs, writes, writtenMs, readMs };
}

parentPort?.postMessage(BEGUN);
const report = run();
mem.disconnect();
parentPort?.postMessage({ ...report, lock: lockReport(mem) } satisfies WorkerReport);
