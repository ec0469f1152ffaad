// A small VM in a real memory, whose threads are all used from this one: each is a handle of its own, and whoever would
// have to sleep is told so, because nobody is there to wake it.
import {
  connectThread,
  createSharedMemory,
  type Operation,
  record,
  type Shared,
  type SharedEvent,
  setMode,
  WAIT_NOT_EQUAL,
  type WasmShared,
} from '@faultline/atomics';
import { it } from 'vitest';
import { type Gfn, type Gpa, gfnToGpa, type Hvn, type Pfn } from '../src/address.ts';
import type { MmuEvent, Spte } from '../src/event.ts';
import { PFERR_PRESENT_MASK, PFERR_USER_MASK, PFERR_WRITE_MASK } from '../src/fault/error-code.ts';
import { newPageFault, type PageFault } from '../src/fault/fault.ts';
import { pageFault } from '../src/fault/page-fault.ts';
import type { RetPf } from '../src/fault/ret-pf.ts';
import { hostPtep } from '../src/host/host-pte.ts';
import { pageBase } from '../src/host/page-frames.ts';
import { type MmuKind, seamSize, type Vm } from '../src/memory-map.ts';
import {
  formatSpte,
  illegalState,
  isAccessAllowed,
  isLastSpte,
  isShadowPresent,
} from '../src/spte/spte.ts';
import { walkToLastSptep } from '../src/spte/walk.ts';
import { read32, write32 } from '../src/vcpu/access.ts';
import { enterGuest, leaveGuest } from '../src/vcpu/run.ts';
import { newVcpu, type Vcpu } from '../src/vcpu/vcpu.ts';
import { initVm, type VmOptions, vmConfig } from '../src/vm/create-vm.ts';
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, type Memslot } from '../src/vm/memslots.ts';
import { validRoot } from '../src/vm/roots.ts';
import { createMemslot } from '../src/vm/set-memory-region.ts';
import { forEachSpte } from '../src/vm/tdp-iter.ts';
import { OUTSIDE_GUEST_MODE } from '../src/vm/vcpu-mode.ts';

export const gfnOf = (gfn: number): Gfn => gfn as Gfn;
export const hvnOf = (hvn: number): Hvn => hvn as Hvn;
export const pfnOf = (pfn: number): Pfn => pfn as Pfn;
export const LOGGED: number = KVM_MEM_LOG_DIRTY_PAGES;
export const READONLY: number = KVM_MEM_READONLY;

/** The gpa of word `word` of the page `gfn`. */
export const gpaOf = (gfn: number, word = 0): Gpa => (gfnToGpa(gfnOf(gfn)) + word * 4) as Gpa;

/** One vCPU that is in the guest for the length of an access, so that whoever acts between two need not wait for it. */
export interface Guest {
  readonly mem: Shared;
  readonly vcpu: Vcpu;
  write(gfn: number, value: number, word?: number): boolean;
  read(gfn: number, word?: number): number;
}

export interface Bench {
  readonly vm: Vm;
  /** A handle per thread: the vCPUs, then the agents. */
  readonly mems: readonly WasmShared[];
  /** The first agent's. */
  readonly agent: WasmShared;
  readonly guests: readonly [Guest, Guest];
}

const SMALL: VmOptions = {
  vcpus: 2,
  agents: 2,
  hostPages: 16,
  pageFrames: 24,
  geometry: { levels: 2, indexBits: 2 },
  pageWords: 4,
  tableFrames: 160,
  dirtyClients: 2,
};

let mmu: MmuKind = 'tdp';
/** Which MMU benches have from here on that do not say it. */
export function useMmu(kind: MmuKind): void {
  mmu = kind;
}
export const usedMmu = (): MmuKind => mmu;
/** How a fault takes mmu_lock, where nothing else is said. */
export const faultLock = (): 'readLock' | 'writeLock' => (mmu === 'tdp' ? 'readLock' : 'writeLock');
/** A law of the TDP MMU alone. */
export const itOfTdp = (law: string, body: () => void): void => it.skipIf(mmu !== 'tdp')(law, body);

/** A VM with two vCPUs, two agents and sixteen pages of four words, its page table two levels of four entries. */
export function makeBench(options: Partial<VmOptions> = {}): Bench {
  const config = vmConfig({ ...SMALL, mmu, ...options });
  const memory = createSharedMemory(seamSize(config));
  const mems = Array.from({ length: config.vcpus + config.agents }, (_, thread) =>
    Object.assign(connectThread(memory, thread), { wait: sleepsNever }),
  );
  const agent = mems[config.vcpus] as WasmShared;
  const vm = initVm(agent, config, memory.map);
  const guestOf = (id: number): Guest => guest(mems[id] as Shared, vm, newVcpu(id));
  return { vm, mems, agent, guests: [guestOf(0), guestOf(1)] };
}

/** A bench whose slot 0 is all of its memory, gfn n at host page n. */
export function makeBenchWithSlot(flags = 0, options: Partial<VmOptions> = {}): Bench {
  const bench = makeBench(options);
  const npages = bench.vm.hostPages;
  createMemslot(bench.agent, bench.vm, slotOf({ npages, flags }));
  return bench;
}

export const slotOf = (slot: Partial<Record<keyof Memslot, number>>): Memslot =>
  ({ id: 0, baseGfn: 0, npages: 1, hvn: 0, flags: 0, ...slot }) as Memslot;

function sleepsNever(this: WasmShared, address: number, expected: number): number {
  if (this.load32(address) !== expected) return WAIT_NOT_EQUAL;
  throw new Error(`nobody is left to change word ${address} from ${expected}`);
}

export function guest(mem: Shared, vm: Vm, vcpu: Vcpu): Guest {
  const inGuest = <Result>(access: () => Result): Result => {
    enterGuest(mem, vm, vcpu);
    try {
      return access();
    } finally {
      leaveGuest(mem, vcpu);
    }
  };
  return {
    mem,
    vcpu,
    write: (gfn, value, word = 0) => inGuest(() => write32(mem, vm, vcpu, gpaOf(gfn, word), value)),
    read: (gfn, word = 0) => inGuest(() => read32(mem, vm, vcpu, gpaOf(gfn, word))),
  };
}

/** What a fault of `vcpu` is filled in, with the root loaded that is valid now. */
export const newFault = ({ agent, vm }: Bench, vcpu = 0): PageFault =>
  Object.assign(newPageFault(vcpu), { root: validRoot(agent, vm) });

/** A fault of vCPU 0 at `gfn` as `pageFault` would fill it, for calling a path by itself. */
export function faultAt(
  bench: Bench,
  gfn: number,
  slot: Memslot | undefined,
  write = true,
): PageFault {
  const fault = newFault(bench);
  const error_code = write ? 7 : 5;
  return Object.assign(fault, { gfn: gfnOf(gfn), addr: gpaOf(gfn), error_code, slot });
}

/** Where the walk for `gfn` ends, and what stands there. */
export function lastSpte(bench: Bench, gfn: number): Spte & { sptep: number; level: number } {
  const { agent, vm } = bench;
  const walk = faultAt(bench, gfn, undefined);
  const sptep = walkToLastSptep(agent, vm, walk);
  const { level } = walk;
  return { low: agent.load64(sptep), high: agent.high, sptep, level };
}

export const setSpte = (bench: Bench, gfn: number, { low, high }: Spte): void =>
  bench.agent.store64(lastSpte(bench, gfn).sptep, low, high);

/** The low twelve bits of the leaf of `gfn`, as the tracepoints' readers know them: e67, e65, 825. */
export const flagsOf = (bench: Bench, gfn: number): string =>
  (lastSpte(bench, gfn).low & 0xfff).toString(16);

export const hostPteOf = ({ agent, vm }: Bench, hvn: number): number =>
  agent.load32(hostPtep(vm, hvnOf(hvn)));

/** The pages that a bitmap at `address` says are dirty. */
export function pagesIn({ agent, vm }: Bench, address: number): number[] {
  const isSet = (hvn: number) => (agent.load32(address + ((hvn >>> 5) << 2)) >>> (hvn & 31)) & 1;
  return Array.from({ length: vm.hostPages }, (_, hvn) => hvn).filter(isSet);
}

export const wordsOf = ({ agent, vm }: Bench, pfn: number): number[] =>
  Array.from({ length: vm.pageWords }, (_, word) =>
    agent.guestLoad(pageBase(vm, pfnOf(pfn)) + word),
  );

/** Picks operations: by verb, by address, or both. */
export interface Pick {
  readonly verb?: Operation['verb'];
  readonly address?: number;
  /** Lets so many of them pass first. */
  readonly skip?: number;
}

/** `mem`, with `act` done right before the first operation that `pick` names. Once. */
export function before(mem: Shared, { verb, address, skip = 0 }: Pick, act: () => void): Shared {
  let left = skip;
  return spied(mem, (name, [at]) => {
    if ((verb !== undefined && name !== verb) || (address !== undefined && at !== address)) return;
    if (left-- === 0) act();
  });
}

/** `mem`, with `act` done right before every operation that `pick` names. */
export function beforeEvery(mem: Shared, { verb, address }: Pick, act: () => void): Shared {
  return spied(mem, (name, [at]) => {
    if ((verb === undefined || name === verb) && (address === undefined || at === address)) act();
  });
}

function spied(mem: Shared, spy: (verb: string, args: readonly unknown[]) => void): Shared {
  return new Proxy(mem, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'emit') return value;
      return (...args: unknown[]) => {
        spy(String(name), args);
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

/** The operations of `body`, in order. */
export const operationsOf = (mem: Shared, body: (mem: Shared) => unknown): Operation[] =>
  record(body, mem).log.map(({ operation }) => operation);

/** What `body` says aloud. */
export function eventsOf(mem: WasmShared, body: () => unknown): MmuEvent[] {
  const events: SharedEvent[] = [];
  mem.emit = (event) => events.push(event);
  body();
  mem.emit = undefined;
  return events as unknown as MmuEvent[];
}

/** What becomes of a fault of vCPU 0 by `mem`, reported as hardware would; afterwards that vCPU is outside the guest. */
export function faultAndLeave(
  bench: Bench,
  gfn: number,
  { mem = bench.mems[0] as Shared, write = true }: { mem?: Shared; write?: boolean } = {},
): { ret: RetPf; fast: boolean } {
  const fault = newFault(bench);
  const { low, level } = lastSpte(bench, gfn);
  const isLeaf = isShadowPresent(low) && isLastSpte(low, level);
  const present = isLeaf && isAccessAllowed(low, false) ? PFERR_PRESENT_MASK : 0;
  const errorCode = present | (write ? PFERR_WRITE_MASK : 0) | PFERR_USER_MASK;
  // It has entered the guest before, and so served what was asked of it; a guest of the bench may still have to.
  const asked = bench.agent.xchg32(fault.mode.requests, 0);
  const ret = pageFault(mem, bench.vm, fault, gpaOf(gfn), errorCode);
  setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
  bench.agent.or32(fault.mode.requests, asked);
  return { ret, fast: fault.fast };
}

/** What is wrong with any spte of the page table, by gfn; empty when all is well. */
export function illegalSptes({ agent, vm }: Bench): string[] {
  const wrong: string[] = [];
  forEachSpte(agent, vm, (spte, level, gfn) => {
    const what = illegalState(spte, level);
    if (what !== undefined) wrong.push(`gfn ${gfn} level ${level}: ${what}, ${formatSpte(spte)}`);
  });
  return wrong;
}
