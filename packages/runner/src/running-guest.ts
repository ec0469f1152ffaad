// A guest program on worker threads, and whoever started it as its VMM: it runs until it is stopped.
import { connectThread, type WasmShared } from '@faultline/atomics';
import type { FaultPath, VmOptions } from '@faultline/mmu';
import { setThrottle, stopAll } from './control.ts';
import { GUESTS, type GuestName } from './guests/guests.ts';
import type { Job } from './job.ts';
import { AGENTS, createMachine, type Machine, type Region } from './machine.ts';
import { RAM_GFN, runWorkers, setUpGuest } from './run.ts';
import { type Verdict, verify } from './verify.ts';

export interface GuestOptions {
  readonly vcpus: number;
  /** Pages of the guest's memory, where the guest does not say. */
  readonly pages: number;
  readonly faultPath?: FaultPath;
}

export interface RunningGuest {
  readonly machine: Machine;
  readonly region: Region;
  /** The VMM's handle, for the thread that started the guest. */
  readonly mem: WasmShared;
  /** Lets the vCPUs run (100 - percent) of the time. */
  throttle(percent: number): void;
  /** Ends all threads and compares all memory with what was written. The guest must not be paused. */
  stop(): Promise<GuestEnd>;
}

export interface GuestEnd extends Verdict {
  /** What guests found when they read back their own words: must be empty. */
  readonly lostWrites: readonly string[];
  readonly ok: boolean;
}

/** Starts a guest that is not logged; resolves when its vCPUs run. Throws a RangeError for what cannot be. */
export async function startGuest(name: GuestName, options: GuestOptions): Promise<RunningGuest> {
  const { vcpus, faultPath = 'current' } = options;
  const kind = GUESTS[name];
  const ksm = kind.ksm === true;
  const npages = kind.pages ?? options.pages;
  const region: Region = { slot: 0, gfn: RAM_GFN, npages, hvn: 0 };
  const config: VmOptions = { vcpus, hostPages: npages, faultPath };
  const machine = createMachine(config);
  setUpGuest(machine, region, { ksm, flags: 0 });
  const regions = [region];
  const jobs: Job[] = Array.from({ length: vcpus }, (_, vcpu) => {
    return { machine, role: 'vcpu', vcpu, program: name, regions, warmUpMs: 0 };
  });
  if (ksm) jobs.push({ machine, role: 'ksmd', regions });
  const mem = connectThread(machine.memory, vcpus + AGENTS.vmm);
  let ended: ReturnType<typeof runWorkers> = Promise.resolve([]);
  await new Promise<void>((resolve, reject) => {
    ended = runWorkers(machine, jobs, undefined, resolve);
    ended.catch(reject);
  });
  return {
    machine,
    region,
    mem,
    throttle: (percent) => setThrottle(mem, machine.control, percent),
    async stop() {
      stopAll(mem, machine.control);
      const reports = await ended;
      mem.disconnect();
      const lostWrites = reports.flatMap(({ vcpu }) => vcpu?.lostWrite ?? []);
      const verdict = verify(machine);
      const wrong = verdict.wrongWords + verdict.wrongSptes + lostWrites.length;
      return { ...verdict, lostWrites, ok: wrong === 0 && !verdict.damagedFrame };
    },
  };
}
