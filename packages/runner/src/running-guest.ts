// A guest program on worker threads, and whoever started it as its VMM: it runs until it is stopped. It may leave for another
// process, or have come from one.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectThread, type WasmShared } from '@faultline/atomics';
import {
  type FaultPath,
  type Hvn,
  hostPtep,
  installPage,
  isHostPteMissing,
  type VmOptions,
} from '@faultline/mmu';
import { setThrottle, stopAll } from './control.ts';
import { type DirtyLog, dirtyLogConfig, serveFullRings } from './dirty-log.ts';
import { fillLedger } from './fill.ts';
import {
  decodeState,
  encodeState,
  formatMachine,
  type GuestMachine,
  whyItStays,
} from './guest-state.ts';
import { GUESTS, type GuestName } from './guests/guests.ts';
import type { Job } from './job.ts';
import { AGENTS, createMachine, type Machine, type Region } from './machine.ts';
import { areParked, parkVcpus, unparkVcpus } from './parking.ts';
import { RAM_GFN, runWorkers, setUpGuest } from './run.ts';
import { BATCH } from './vcpu-loop.ts';
import { type Verdict, verify } from './verify.ts';

export interface GuestOptions {
  readonly vcpus: number;
  /** Pages of the guest's memory, where the guest does not say. */
  readonly pages: number;
  readonly faultPath?: FaultPath;
  readonly dirtyLog?: DirtyLog;
  /** Entries of each vCPU's ring. */
  readonly dirtyRing?: number;
}

export interface RunningGuest {
  readonly machine: Machine;
  readonly region: Region;
  /** The VMM's handle, for the thread that started the guest. */
  readonly mem: WasmShared;
  /** What another process has to start to take it in. */
  readonly name: string;
  /** Lets the vCPUs run (100 - percent) of the time. */
  throttle(percent: number): void;
  /** When it returns, every vCPU stands between two batches of touches. */
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  /** How far it has come; while it is paused, exactly. */
  deviceState(): Uint8Array;
  /** Ends all threads, paused or not, and compares all memory with what was written. */
  stop(): Promise<GuestEnd>;
}

export interface GuestEnd extends Verdict {
  /** What guests found when they read back their own words: must be empty. */
  readonly lostWrites: readonly string[];
  /** How often the guest touched memory in this process. */
  readonly touches: number;
  readonly ok: boolean;
}

/** A guest that comes from another process. */
export interface ArrivingMachine {
  readonly machine: Machine;
  readonly mem: WasmShared;
  /** The source's `deviceState`. Resolves when all touches up to there are in the ledger; rejects for what is no state. */
  loadState(state: Uint8Array): Promise<void>;
  /** The same as far as it has come: its touches are made anew from now on. Throws a RangeError for what is no state. */
  previewState(state: Uint8Array): void;
  /** Lets it touch its memory. */
  run(): void;
  /** Ends all threads and compares all memory with what was written, at the source and here. */
  stop(): Promise<GuestEnd>;
  /** It has not come, or is lost: ends all threads. What is missing is zero from then on. */
  abandon(): Promise<void>;
}

/** Starts a guest that is not logged; resolves when its vCPUs run. Throws a RangeError for what cannot be. */
export async function startGuest(name: GuestName, options: GuestOptions): Promise<RunningGuest> {
  const why = whyItStays(name);
  if (why !== undefined) {
    throw new RangeError(`expected a guest that can leave, got '${name}': ${why}`);
  }
  const threads = new GuestThreads({ name, vcpus: options.vcpus }, options, false);
  await threads.begun;
  const { machine, region, mem } = threads;
  const { control, vm } = machine;
  return {
    machine,
    region,
    mem,
    name: formatMachine({ name, vcpus: options.vcpus }),
    throttle: (percent) => setThrottle(mem, control, percent),
    pause: () => parkVcpus(mem, control, () => serveFullRings(mem, vm)),
    resume: () => unparkVcpus(mem, control),
    get isPaused() {
      return areParked(mem, control);
    },
    deviceState: () => encodeState(threads.batches()),
    stop: () => threads.stop(),
  };
}

/** Makes the machine for a guest that comes: it has no memory and no state yet. Throws a RangeError for what cannot be. */
export function receiveGuest({ name, vcpus }: GuestMachine, pages: number): ArrivingMachine {
  const threads = new GuestThreads({ name, vcpus }, { vcpus, pages }, true);
  const { machine, mem } = threads;
  const { control } = machine;
  const announce = (): void => {
    mem.add32(control.arrival, 1);
    mem.notify(control.arrival);
  };
  const makeAnew = (state: Uint8Array): number[] => {
    const batches = decodeState(state, vcpus);
    for (const [vcpu, count] of batches.entries()) {
      mem.store32(control.upTo[vcpu] as number, count);
    }
    announce();
    return batches;
  };
  return {
    machine,
    mem,
    loadState: async (state) => threads.reach(makeAnew(state)),
    previewState: (state) => void makeAnew(state),
    run() {
      mem.store32(control.live, 1);
      announce();
    },
    stop: () => threads.stop(),
    abandon: () => threads.abandon(),
  };
}

const LOOK_MS = 1;

/** The machine of a guest, with a thread per vCPU, and one for ksmd where the guest began here and wants it. */
class GuestThreads {
  readonly machine: Machine;
  readonly region: Region;
  readonly mem: WasmShared;
  /** All run. */
  readonly begun: Promise<void>;
  readonly #ended: ReturnType<typeof runWorkers>;
  #failed: unknown;
  /** Touches that were not made here, in batches. */
  #elsewhere = 0;

  constructor({ name, vcpus }: GuestMachine, options: GuestOptions, arrives: boolean) {
    const kind = GUESTS[name];
    const npages = kind.pages ?? options.pages;
    const { faultPath = 'current', dirtyLog = 'bitmap', dirtyRing } = options;
    const config: VmOptions = {
      vcpus,
      hostPages: npages,
      faultPath,
      ...dirtyLogConfig(dirtyLog, dirtyRing),
    };
    this.region = { slot: 0, gfn: RAM_GFN, npages, hvn: 0 };
    this.machine = createMachine(config);
    const { machine, region } = this;
    const regions = [region];
    const ksm = kind.ksm === true;
    setUpGuest(machine, region, { ksm: ksm && !arrives, flags: 0 });
    if (ksm && arrives) fillLedger(machine, region);
    const jobs: Job[] = Array.from({ length: vcpus }, (_, vcpu) => {
      return { machine, role: 'vcpu', vcpu, program: name, regions, warmUpMs: 0, arrives };
    });
    if (ksm && !arrives) jobs.push({ machine, role: 'ksmd', regions });
    this.mem = connectThread(machine.memory, vcpus + AGENTS.vmm);
    let allBegun = (): void => {};
    const begun = new Promise<void>((resolve) => {
      allBegun = resolve;
    });
    this.#ended = runWorkers(machine, jobs, undefined, allBegun);
    this.#ended.catch((error: unknown) => {
      this.#failed = error;
    });
    this.begun = Promise.race([begun, this.#ended.then(() => {})]);
    this.begun.catch(() => {}); // met by whoever waits
  }

  batches(): number[] {
    return this.machine.control.batches.map((word) => this.mem.load32(word));
  }

  /** Resolves when each vCPU has made so many batches, none of them on memory. */
  async reach(upTo: readonly number[]): Promise<void> {
    while (this.batches().some((count, vcpu) => count < (upTo[vcpu] as number))) {
      if (this.#failed !== undefined) throw this.#failed;
      await sleep(LOOK_MS);
    }
    this.#elsewhere = upTo.reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<GuestEnd> {
    stopAll(this.mem, this.machine.control);
    const reports = await this.#ended;
    const batches = this.batches().reduce((sum, count) => sum + count, 0);
    this.mem.disconnect();
    const lostWrites = reports.flatMap(({ vcpu }) => vcpu?.lostWrite ?? []);
    const verdict = verify(this.machine);
    const wrong = verdict.wrongWords + verdict.wrongSptes + lostWrites.length;
    return {
      ...verdict,
      lostWrites,
      touches: (batches - this.#elsewhere) * BATCH,
      ok: wrong === 0 && !verdict.damagedFrame,
    };
  }

  async abandon(): Promise<void> {
    const { vm, control } = this.machine;
    stopAll(this.mem, control);
    // Whoever sleeps for a page would sleep for ever.
    for (let hvn = 0 as Hvn; hvn < vm.hostPages; hvn++) {
      if (isHostPteMissing(this.mem.load32(hostPtep(vm, hvn)))) {
        installPage(this.mem, vm, hvn, () => {});
      }
    }
    await this.#ended;
    this.mem.disconnect();
  }
}
