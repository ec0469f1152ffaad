// The micro-benchmark of the 2012 series: how long a guest needs to write all its memory again after dirty logging was
// switched on. Then 538,233,957 ns without the fast path and 249,809,853 ns with it (v7, mean of 10 runs).
import { connectThread } from '@faultline/atomics';
import {
  createMemslot,
  enterGuest,
  type Gfn,
  type Gpa,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
  leaveGuest,
  newVcpu,
  PAGE_SIZE,
  setMemslotFlags,
  type VmOptions,
  write32,
} from '@faultline/mmu';
import { createMachine } from '@faultline/runner';
import { median } from './quantile.ts';

const PAGES = 16_384;
export const RESUME_MIB: number = (PAGES * PAGE_SIZE) / 2 ** 20;
const RUNS = 15;

/** Medians of runs, in milliseconds. */
export interface ResumeTimes {
  /** Switching logging on: large leaves are split here, if eagerly. */
  readonly beginMs: number;
  /** Then writing each page once. */
  readonly writeMs: number;
}

/** Of guests that take turns, one for each of `kinds`. */
export function timeResume(kinds: readonly Partial<VmOptions>[]): ResumeTimes[] {
  const guests = kinds.map((kind) => newGuest(kind));
  const runs = kinds.map((): ResumeTimes[] => []);
  for (let run = 0; run < RUNS; run++) {
    for (const [kind, guest] of guests.entries()) runs[kind]?.push(guest());
  }
  return runs.map((times) => ({
    beginMs: median(times.map(({ beginMs }) => beginMs)),
    writeMs: median(times.map(({ writeMs }) => writeMs)),
  }));
}

/** A guest whose memory is mapped; called, it switches logging on, writes all pages, and says how long that took. */
function newGuest(kind: Partial<VmOptions>): () => ResumeTimes {
  const machine = createMachine({ ...kind, vcpus: 1, hostPages: PAGES });
  const { vm } = machine;
  const mem = connectThread(machine.memory, 0);
  createMemslot(mem, vm, { id: 0, baseGfn: 0 as Gfn, npages: PAGES, hvn: 0 as Hvn, flags: 0 });
  const vcpu = newVcpu(0);
  const writeAll = (): void => {
    enterGuest(mem, vm, vcpu);
    for (let page = 0; page < PAGES; page++) {
      write32(mem, vm, vcpu, (page * PAGE_SIZE) as Gpa, page);
    }
    leaveGuest(mem, vcpu);
  };
  return () => {
    // Large again, if they may be: switching logging off zapped what had been split.
    writeAll();
    const from = performance.now();
    setMemslotFlags(mem, vm, 0, KVM_MEM_LOG_DIRTY_PAGES);
    const begun = performance.now();
    writeAll();
    const to = performance.now();
    setMemslotFlags(mem, vm, 0, 0);
    return { beginMs: begun - from, writeMs: to - begun };
  };
}
