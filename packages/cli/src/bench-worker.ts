// The vCPU thread of a benchmark: waits for a round, makes its faults or accesses, says how long they took.
import { parentPort, workerData } from 'node:worker_threads';
import { connectThread } from '@faultline/atomics';
import {
  enterGuest,
  type Gpa,
  leaveGuest,
  newVcpu,
  PAGE_SIZE,
  PFERR_PRESENT_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFault,
  type Vcpu,
  write32,
} from '@faultline/mmu';
import type { Machine } from '@faultline/runner';

/** What one round of one vCPU does with each of its pages. */
export type Work = 'fault' | 'access';

export interface RoundJob {
  readonly machine: Machine;
  readonly vcpu: number;
  readonly work: Work;
  readonly gfn: number;
  /** A power of two. */
  readonly pages: number;
  readonly rounds: number;
}

/** Start and end of each round, in milliseconds since the process began. */
export type RoundTimes = readonly (readonly [number, number])[];

const { machine, vcpu: id, work, gfn, pages, rounds } = workerData as RoundJob;
const { vm, control } = machine;
const mem = connectThread(machine.memory, id);
const vcpu: Vcpu = newVcpu(id);
const WRITE_PROTECTED = PFERR_PRESENT_MASK | PFERR_WRITE_MASK | PFERR_USER_MASK;
/** Odd, so that every page comes once; large, so that neighbours do not. */
const STRIDE = 9973;

const times: [number, number][] = [];
enterGuest(mem, vm, vcpu);
touchAll();
reach(1);
for (let round = 1; round <= rounds; round++) {
  mem.waitWhile(control.epoch, round - 1);
  enterGuest(mem, vm, vcpu);
  const from = performance.now() + performance.timeOrigin;
  if (work === 'fault') faultAll();
  else touchAll();
  times.push([from, performance.now() + performance.timeOrigin]);
  reach(round + 1);
}
parentPort?.postMessage(times satisfies RoundTimes);

/** Says which round this vCPU is ready for; out of the guest, so that nobody waits for it. */
function reach(round: number): void {
  leaveGuest(mem, vcpu);
  mem.store32(control.reached[id] as number, round);
  mem.notify(control.reached[id] as number);
}

/** The fault alone: from the vector to the return into the guest. */
function faultAll(): void {
  const { fault } = vcpu;
  for (let page = 0; page < pages; page++) {
    const gpa = ((gfn + ((page * STRIDE) & (pages - 1))) * PAGE_SIZE) as Gpa;
    pageFault(mem, vm, fault, gpa, WRITE_PROTECTED);
    if ((fault.mode.word & 3) !== 1) enterGuest(mem, vm, vcpu);
  }
}

/** The whole access: miss, hardware walk, fault, walk again, fill, store. */
function touchAll(): void {
  for (let page = 0; page < pages; page++) {
    const gpa = ((gfn + ((page * STRIDE) & (pages - 1))) * PAGE_SIZE) as Gpa;
    write32(mem, vm, vcpu, gpa, page);
  }
}
