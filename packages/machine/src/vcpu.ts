// One vCPU of a guest, for the thread that runs it: its accesses, its translations, and its place among those that wait for it.
import { modeAddress, requestsAddress, type WasmShared } from '@faultline/atomics';
import {
  enterGuest,
  type Gpa,
  leaveGuest,
  newTlb,
  newVcpu,
  poll,
  TLB_ENTRIES,
  TLB_LENGTH,
  translateRead,
  translateWrite,
  type VcpuStat,
} from '@faultline/mmu';
import { claim, connect, giveUp, type VmHandle } from './handle.ts';
import { MemoryAccess } from './memory-access.ts';

/** What a connection may bring along. */
export interface VcpuOptions {
  /**
   * Where its TLB lies: 4096 int32s, which the vCPU fills. For compiled code that looks translations up by itself and can
   * only reach a memory of its own.
   */
  readonly tlb?: Int32Array;
}

const PAGE = 4096;

const disconnected = (id: number): WasmShared =>
  new Proxy({} as WasmShared, {
    get() {
      throw new Error(`expected vCPU ${id} to be connected, got an access after disconnect()`);
    },
  });

/**
 * A vCPU as the thread has it that runs it: `vm.vcpu(id)` for the owner, `connectVcpu(handle, id)` elsewhere. Addresses
 * are guest-physical, in bytes; all values are little-endian.
 */
export class Vcpu extends MemoryAccess {
  /** From 0. */
  readonly id: number;
  /** Whether stores may use what `translate` answered last. */
  writable = false;
  /** False after `disconnect`. */
  connected = true;
  readonly #handle: VmHandle;

  constructor(
    handle: VmHandle,
    id: number,
    { tlb = newTlb() }: VcpuOptions = {},
    mem: WasmShared = connect(handle, id),
  ) {
    if (tlb.length !== TLB_LENGTH) {
      throw new RangeError(`expected a TLB of ${TLB_LENGTH} int32s, got ${tlb.length}`);
    }
    claim(mem, handle, id);
    super(mem, handle.vm, newVcpu(id, tlb.fill(-1)));
    this.id = id;
    this.#handle = handle;
    // Goes on counting where the connection before left off: whoever waits for this word to change knows that value.
    this.own.fault.mode.word = mem.load32(modeAddress(id));
  }

  /** Faults, TLB fills and flushes of this vCPU so far. */
  get stat(): Readonly<VcpuStat> {
    return this.own.stat;
  }

  /**
   * Where the byte at `gpa` lies in the VM's `ram`, in bytes; -1: no memory there. Good for its page, until `onFlush` is
   * called; `writable` says whether stores may use it too, which `'write'` makes so, and marks the page dirty.
   */
  translate(gpa: number, access: 'read' | 'write'): number {
    const find = access === 'write' ? translateWrite : translateRead;
    const base = find(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) return -1;
    const gfn = Math.floor(gpa / PAGE);
    this.writable = this.tlb[((gfn & (TLB_ENTRIES - 1)) << 2) + 1] === (gfn | 0);
    return base * 4 + (gpa & (PAGE - 1));
  }

  /** Calls `forget`, on this thread, whenever all translations answered before are void. */
  onFlush(forget: () => void): void {
    this.own.onFlush = forget;
  }

  /**
   * Enters the guest if need be and serves what others ask for. Call it at block boundaries when compiled code uses
   * translations by itself; accesses call it every 64 times.
   */
  poll(): void {
    poll(this.mem, this.vm, this.own);
  }

  /**
   * Leaves the guest: from here nobody waits for this vCPU, until its next access or `poll`. Call it before the thread does
   * anything else for long, and before it ends.
   */
  leave(): void {
    if (this.connected) leaveGuest(this.mem, this.own);
  }

  /** Ends the connection; afterwards another thread may be this vCPU, and an access through this one throws an Error. */
  disconnect(): void {
    if (!this.connected) return;
    const { mem } = this;
    this.leave();
    this.connected = false;
    // An access that entered the guest once more would never leave it, and whoever waits for vCPUs would wait without end.
    this.tlb.fill(-1);
    this.mem = disconnected(this.id);
    mem.disconnect();
    giveUp(mem, this.#handle, this.id);
  }

  /** For the owner's thread, after it has acted for the VMM: translations that went are forgotten at once. */
  serve(): void {
    if (this.mem.load32(requestsAddress(this.id)) === 0) return;
    enterGuest(this.mem, this.vm, this.own);
    leaveGuest(this.mem, this.own);
  }
}
