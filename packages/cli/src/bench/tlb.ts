// A guest's access on a TLB hit, its share of polling included, against an element of a typed array.
import { connectThread, type Shared } from '@faultline/atomics';
import {
  createMemslot,
  enterGuest,
  type Gfn,
  type Gpa,
  type Hvn,
  newVcpu,
  PAGE_SIZE,
  PAGE_WORDS,
  read32,
  type Vcpu,
  type Vm,
  write32,
} from '@faultline/mmu';
import { createMachine } from '@faultline/runner';

const PAGES = 64;
const ACCESSES = 4096;
const ROUNDS = 400;

export interface TlbResult {
  readonly rawNs: number;
  readonly readNs: number;
  readonly writeNs: number;
}

/** Median nanoseconds per access; the three take turns. */
export function timeTlbHits(): TlbResult {
  const machine = createMachine({ vcpus: 1, hostPages: PAGES });
  const { vm } = machine;
  const mem = connectThread(machine.memory, 0);
  createMemslot(mem, vm, { id: 0, baseGfn: 0 as Gfn, npages: PAGES, hvn: 0 as Hvn, flags: 0 });
  const vcpu = newVcpu(0);
  enterGuest(mem, vm, vcpu);
  const raw = new Int32Array(new SharedArrayBuffer(PAGES * PAGE_SIZE));
  const order = Int32Array.from({ length: ACCESSES }, (_, access) => {
    return ((access * 37) % PAGES) * PAGE_SIZE + ((access * 13) % PAGE_WORDS) * 4;
  });
  const guest: Guest = { mem, vm, vcpu };
  const times: [number, number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push([
      time(() => rawAccesses(raw, order)),
      time(() => loads(guest, order)),
      time(() => stores(guest, order)),
    ]);
  }
  const median = (column: 0 | 1 | 2): number =>
    times.map((row) => row[column]).sort((a, b) => a - b)[ROUNDS >> 1] as number;
  return { rawNs: median(0), readNs: median(1), writeNs: median(2) };
}

interface Guest {
  readonly mem: Shared;
  readonly vm: Vm;
  readonly vcpu: Vcpu;
}

/** Half loads, half stores. */
function rawAccesses(raw: Int32Array, order: Int32Array): number {
  let sum = 0;
  for (let access = 0; access < ACCESSES; access += 2) {
    sum = (sum + (raw[(order[access] as number) >> 2] as number)) | 0;
    raw[(order[access + 1] as number) >> 2] = access;
  }
  return sum;
}

function loads({ mem, vm, vcpu }: Guest, order: Int32Array): number {
  let sum = 0;
  for (let access = 0; access < ACCESSES; access++) {
    sum = (sum + read32(mem, vm, vcpu, order[access] as Gpa)) | 0;
  }
  return sum;
}

function stores({ mem, vm, vcpu }: Guest, order: Int32Array): void {
  for (let access = 0; access < ACCESSES; access++) {
    write32(mem, vm, vcpu, order[access] as Gpa, access);
  }
}

function time(work: () => unknown): number {
  const from = performance.now();
  work();
  return ((performance.now() - from) * 1e6) / ACCESSES;
}
