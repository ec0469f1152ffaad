// The VM that a trace is replayed in: the MMU of this project, on one thread. Its host decides nothing: what the trace says that
// the host answered is put in place before the MMU asks.
import { createAloneMemory, type Shared, type WasmShared } from '@faultline/atomics';
import {
  type Gfn,
  gfnToHvn,
  HOST_PTE_HUGE,
  HOST_PTE_PRESENT,
  HOST_PTE_PROTECTED,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtep,
  initRoots,
  initVm,
  type Memslot,
  makeHostPte,
  newVcpu,
  type Pfn,
  readMemslots,
  seamSize,
  type Vcpu,
  type Vm,
  vmConfig,
} from '@faultline/mmu';
import { PageTables } from './page-tables.ts';
import { SpteWords } from './spte-words.ts';
import { connectSteered, type Steering } from './steered-memory.ts';
import type { Survey } from './survey.ts';

/** What the host has for a page. */
export interface HostAnswer {
  readonly pfn: Pfn;
  readonly writable: boolean;
  readonly huge: boolean;
}

/** So many references that no frame is ever given back: the host of the trace decides when one is. */
const KEPT = 1 << 29;

/** A page table by its roots: KVM keeps that of the guest apart from that of a guest of its, by role.guest_mode. */
interface PageTable {
  readonly vm: Vm;
  readonly tables: PageTables;
}

/** What the vCPU runs: the guest, or a guest of its whose addresses are the guest's own. */
export type Running = 'guest' | 'nested guest';

export class ReplayedVm {
  /** The VMM's thread, and all others that are no vCPU. */
  readonly agent: WasmShared;
  readonly vcpus: readonly { readonly mem: WasmShared; readonly vcpu: Vcpu }[];
  readonly words: SpteWords;

  readonly #pageTables = new Map<Running, PageTable>();
  #used: PageTable;

  constructor({ options, frames }: Survey, steering: Steering) {
    const config = vmConfig(options);
    const memory = createAloneMemory(seamSize(config));
    this.agent = connectSteered(memory, config.vcpus, steering);
    const vm = initVm(this.agent, config, memory.map);
    this.vcpus = Array.from({ length: config.vcpus }, (_, id) => ({
      mem: connectSteered(memory, id, steering),
      vcpu: newVcpu(id),
    }));
    this.#used = { vm, tables: new PageTables(this.agent, vm) };
    this.#pageTables.set('guest', this.#used);
    this.words = new SpteWords(frames);
    for (let pfn = 0; pfn < config.pageFrames; pfn++) {
      this.agent.store32(vm.at.page_refcount + pfn * 4, KEPT);
    }
  }

  /** With the roots of the page table that is used. */
  get vm(): Vm {
    return this.#used.vm;
  }

  get tables(): PageTables {
    return this.#used.tables;
  }

  /** Runs `body` with the page table of what runs. */
  under(running: Running, body: () => void): void {
    const before = this.#used;
    this.#used = this.#pageTables.get(running) ?? this.#newPageTable(running);
    try {
      body();
    } finally {
      this.#used = before;
    }
  }

  /** Those that there are, the newest first, as KVM keeps its roots. */
  get running(): readonly Running[] {
    return [...this.#pageTables.keys()].reverse();
  }

  #newPageTable(running: Running): PageTable {
    const roots = [this.agent.alloc(), this.agent.alloc()] as const;
    const vm: Vm = { ...this.vm, roots: roots as readonly number[] as Vm['roots'] };
    initRoots(this.agent, vm);
    const pageTable = { vm, tables: new PageTables(this.agent, vm) };
    this.#pageTables.set(running, pageTable);
    return pageTable;
  }

  listen(emit: NonNullable<Shared['emit']>): void {
    this.agent.emit = emit;
    for (const { mem } of this.vcpus) mem.emit = emit;
  }

  get slots(): readonly Memslot[] {
    return readMemslots(this.agent, this.vm, this.agent.load32(this.vm.at.memslots));
  }

  slotOf(gfn: number): Memslot | undefined {
    return this.slots.find(({ baseGfn, npages }) => gfn >= baseGfn && gfn < baseGfn + npages);
  }

  /** The host does not let the VMM write the page of `gfn`. */
  refuse(slot: Memslot, gfn: number): void {
    const ptep = hostPtep(this.vm, gfnToHvn(slot, gfn as Gfn));
    const pte = this.agent.load32(ptep);
    this.agent.store32(ptep, (pte & ~HOST_PTE_WRITABLE) | HOST_PTE_PROTECTED | HOST_PTE_PRESENT);
  }

  /** The host has withdrawn these pages: what it has there now is not known before the next answer. */
  withdraw(hvn: Hvn, count: number): void {
    for (let page = hvn as number; page < hvn + count; page++) {
      this.agent.store32(hostPtep(this.vm, page as Hvn), 0);
    }
  }

  /** From now on the host has this for the page of `gfn`. */
  answer(slot: Memslot, gfn: number, { pfn, writable, huge }: HostAnswer): void {
    const flags = (writable ? HOST_PTE_WRITABLE : 0) | (huge ? HOST_PTE_HUGE : 0);
    this.agent.store32(hostPtep(this.vm, gfnToHvn(slot, gfn as Gfn)), makeHostPte(pfn, flags));
  }
}
