// One vCPU of a guest, for the thread that runs it: loads and stores of every size, atomics, devices, translations.
import type { WasmShared } from '@faultline/atomics';
import { modeAddress, requestsAddress } from '@faultline/atomics';
import {
  enterGuest,
  type Gpa,
  leaveGuest,
  type Vcpu as MmuVcpu,
  newTlb,
  newVcpu,
  poll,
  TLB_ENTRIES,
  TLB_LENGTH,
  type Tlb,
  translateRead,
  translateWrite,
  type VcpuStat,
  type Vm as VmWords,
} from '@faultline/mmu';
import { claim, connect, giveUp, type VmHandle } from './handle.ts';
import { MmioMap, type MmioRange } from './mmio.ts';

export interface VcpuOptions {
  /**
   * Where its TLB lies: 4096 int32s, which the vCPU fills. For compiled code that looks translations up by itself and can
   * only reach a memory of its own.
   */
  readonly tlb?: Int32Array;
}

const OFFSET = 0xfff;
const PAGE = 4096;

export class Vcpu {
  readonly id: number;
  /** High half of the last 64-bit value that this vCPU loaded by `read64Low`. */
  high = 0;
  /** Whether stores may use what `translate` answered last. */
  writable = false;
  /** False after `disconnect`. */
  connected = true;
  /** See docs/library.md for its layout. Yours to read between two calls of this vCPU; good until `poll`. */
  readonly tlb: Tlb;
  private readonly mem: WasmShared;
  private readonly vm: VmWords;
  private readonly own: MmuVcpu;
  readonly #handle: VmHandle;
  readonly #mmio = new MmioMap();

  constructor(
    handle: VmHandle,
    id: number,
    { tlb = newTlb() }: VcpuOptions = {},
    mem: WasmShared = connect(handle, id),
  ) {
    if (tlb.length !== TLB_LENGTH) {
      throw new RangeError(`expected a TLB of ${TLB_LENGTH} int32s, got ${tlb.length}`);
    }
    this.id = id;
    this.tlb = tlb.fill(-1);
    this.#handle = handle;
    this.vm = handle.vm;
    this.mem = mem;
    claim(this.mem, handle, id);
    this.own = newVcpu(id, this.tlb);
    // Goes on counting where the connection before left off: whoever waits for this word to change knows that value.
    this.own.fault.mode.word = this.mem.load32(modeAddress(id));
  }

  /** Faults, TLB fills and flushes of this vCPU so far. */
  get stat(): Readonly<VcpuStat> {
    return this.own.stat;
  }

  /** A byte, 0 to 255. Like all loads: all ones where there is neither memory nor a device. */
  read8(gpa: number): number {
    const base = translateRead(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) return this.#readDevice(gpa, 1);
    return this.mem.guestLoad8(base * 4 + (gpa & OFFSET));
  }

  write8(gpa: number, value: number): void {
    const base = translateWrite(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) this.#writeDevice(gpa, 1, value);
    else this.mem.guestStore8(base * 4 + (gpa & OFFSET), value);
  }

  /** 0 to 65535, low byte first, at any address. */
  read16(gpa: number): number {
    if ((gpa & 1) !== 0) return this.#readParts(gpa, 2);
    const base = translateRead(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) return this.#readDevice(gpa, 2);
    return this.mem.guestLoad16(base * 2 + ((gpa & OFFSET) >> 1));
  }

  write16(gpa: number, value: number): void {
    if ((gpa & 1) !== 0) {
      this.#writeParts(gpa, 2, value);
      return;
    }
    const base = translateWrite(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) this.#writeDevice(gpa, 2, value);
    else this.mem.guestStore16(base * 2 + ((gpa & OFFSET) >> 1), value);
  }

  /** A signed number of 32 bits (`>>> 0` makes it unsigned), low byte first, at any address. */
  read32(gpa: number): number {
    if ((gpa & 3) !== 0) return this.#readParts(gpa, 4);
    const base = translateRead(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) return this.#readDevice(gpa, 4) | 0;
    return this.mem.guestLoad(base + ((gpa & OFFSET) >> 2));
  }

  write32(gpa: number, value: number): void {
    if ((gpa & 3) !== 0) {
      this.#writeParts(gpa, 4, value);
      return;
    }
    const base = translateWrite(this.mem, this.vm, this.own, gpa as Gpa);
    if (base < 0) this.#writeDevice(gpa, 4, value);
    else this.mem.guestStore(base + ((gpa & OFFSET) >> 2), value);
  }

  /** The low half, signed; the high one is then in `high`. Allocates nothing. */
  read64Low(gpa: number): number {
    const low = this.read32(gpa);
    this.high = this.read32(gpa + 4);
    return low;
  }

  /** Two stores of 32 bits, the low half first: another vCPU may see one without the other. */
  write64Pair(gpa: number, low: number, high: number): void {
    this.write32(gpa, low);
    this.write32(gpa + 4, high);
  }

  /** Unsigned. */
  read64(gpa: number): bigint {
    const low = this.read64Low(gpa);
    return (BigInt(this.high >>> 0) << 32n) | BigInt(low >>> 0);
  }

  write64(gpa: number, value: bigint): void {
    this.write64Pair(gpa, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Fills `into` from `gpa` on. */
  readBytes(gpa: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const part = into.subarray(done, done + PAGE - ((gpa + done) & OFFSET));
      const base = translateRead(this.mem, this.vm, this.own, (gpa + done) as Gpa);
      if (base >= 0) this.mem.guestRead(base * 4 + ((gpa + done) & OFFSET), part);
      else for (const byte of part.keys()) part[byte] = this.read8(gpa + done + byte);
      done += part.length;
    }
  }

  /** Stores `bytes` from `gpa` on. */
  writeBytes(gpa: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + PAGE - ((gpa + done) & OFFSET));
      const base = translateWrite(this.mem, this.vm, this.own, (gpa + done) as Gpa);
      if (base >= 0) this.mem.guestWrite(base * 4 + ((gpa + done) & OFFSET), part);
      else for (const [byte, value] of part.entries()) this.write8(gpa + done + byte, value);
      done += part.length;
    }
  }

  /** Atomic, as `lock xadd`; answers the value found, signed. Throws a RangeError at a gpa that is not a multiple of 4. */
  atomicAdd32(gpa: number, value: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, (found) => found + value);
    return this.mem.guestAdd32(index, value);
  }

  atomicOr32(gpa: number, bits: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, (found) => found | bits);
    return this.mem.guestOr32(index, bits);
  }

  atomicAnd32(gpa: number, bits: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, (found) => found & bits);
    return this.mem.guestAnd32(index, bits);
  }

  atomicExchange32(gpa: number, value: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, () => value);
    return this.mem.guestXchg32(index, value);
  }

  /** Stores `value` if the word is `expected`; answers the value found, signed. */
  atomicCompareExchange32(gpa: number, expected: number, value: number): number {
    const index = this.#atomicWord(gpa);
    if (index >= 0) return this.mem.guestCmpxchg32(index, expected, value);
    return this.#exchangeWithDevice(gpa, (found) => (found === (expected | 0) ? value : found));
  }

  /** No later access of this vCPU is done before an earlier one. */
  fence(): void {
    this.mem.fence();
  }

  /** Asks `range` where the guest has no memory; answers how to take the device away again. */
  onMmio(range: MmioRange): () => void {
    return this.#mmio.add(range);
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
    return base * 4 + (gpa & OFFSET);
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
    leaveGuest(this.mem, this.own);
  }

  /** Ends the connection; afterwards another thread may be this vCPU. */
  disconnect(): void {
    if (!this.connected) return;
    this.connected = false;
    this.leave();
    this.mem.disconnect();
    giveUp(this.mem, this.#handle, this.id);
  }

  /** For the owner's thread, after it has acted for the VMM: translations that went are forgotten at once. */
  serve(): void {
    if (this.mem.load32(requestsAddress(this.id)) === 0) return;
    enterGuest(this.mem, this.vm, this.own);
    leaveGuest(this.mem, this.own);
  }

  #readParts(gpa: number, size: 2 | 4): number {
    if ((gpa & OFFSET) + size <= PAGE && this.translate(gpa, 'read') < 0) {
      return size === 4 ? this.#readDevice(gpa, 4) | 0 : this.#readDevice(gpa, 2);
    }
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.read8(gpa + byte) << (8 * byte);
    return value;
  }

  #writeParts(gpa: number, size: 2 | 4, value: number): void {
    if ((gpa & OFFSET) + size <= PAGE && this.translate(gpa, 'write') < 0) {
      this.#writeDevice(gpa, size, value);
      return;
    }
    for (let byte = 0; byte < size; byte++) this.write8(gpa + byte, (value >>> (8 * byte)) & 0xff);
  }

  /** Index of the word in guest memory, ready for stores; -1 where a device has to be asked. */
  #atomicWord(gpa: number): number {
    if ((gpa & 3) !== 0) {
      throw new RangeError(
        `expected a multiple of 4 as gpa of an atomic access, got 0x${gpa.toString(16)}`,
      );
    }
    const base = translateWrite(this.mem, this.vm, this.own, gpa as Gpa);
    return base < 0 ? -1 : base + ((gpa & OFFSET) >> 2);
  }

  /** Devices know no atomics: as an emulated instruction, a read and a write. */
  #exchangeWithDevice(gpa: number, next: (found: number) => number): number {
    const found = this.#readDevice(gpa, 4) | 0;
    this.#writeDevice(gpa, 4, next(found));
    return found;
  }

  #readDevice(gpa: number, size: 1 | 2 | 4): number {
    this.leave(); // a device may take its time, or do the work of the VMM; the next access enters the guest again
    return this.#mmio.read(gpa, size);
  }

  #writeDevice(gpa: number, size: 1 | 2 | 4, value: number): void {
    this.leave();
    this.#mmio.write(gpa, size, value);
  }
}
