// Loads and stores of every size, atomics and devices: what a guest's instructions do to memory.
import type { WasmShared } from '@faultline/atomics';
import {
  type Gpa,
  leaveGuest,
  type Vcpu as MmuVcpu,
  TLB_ENTRIES,
  type Tlb,
  translateRead,
  translateWrite,
  type Vm as VmWords,
} from '@faultline/mmu';
import { MmioMap, type MmioRange } from './mmio.ts';

const OFFSET = 0xfff;
const PAGE = 4096;
const PAGE_SHIFT = 12;
const ENTRY = TLB_ENTRIES - 1;

export class MemoryAccess {
  /** High half of the last 64-bit value that this vCPU loaded by `read64Low`. */
  high = 0;
  /** See docs/library.md for its layout. Yours to read between two calls of this vCPU; good until `poll`. */
  readonly tlb: Tlb;
  /** Another one only after the connection has ended. */
  protected mem: WasmShared;
  protected readonly vm: VmWords;
  protected readonly own: MmuVcpu;
  readonly #mmio = new MmioMap();

  constructor(mem: WasmShared, vm: VmWords, own: MmuVcpu) {
    this.mem = mem;
    this.vm = vm;
    this.own = own;
    this.tlb = own.tlb;
  }

  /** A byte, 0 to 255. Like all loads: all ones where there is neither memory nor a device. */
  read8(gpa: number): number {
    const base = this.loadable(gpa);
    if (base < 0) return this.#readDevice(gpa, 1);
    return this.mem.guestLoad8(base * 4 + (gpa & OFFSET));
  }

  /** The low 8 bits of `value`. Like all stores: goes nowhere where there is neither memory nor a device. */
  write8(gpa: number, value: number): void {
    const base = this.storable(gpa);
    if (base < 0) this.#writeDevice(gpa, 1, value);
    else this.mem.guestStore8(base * 4 + (gpa & OFFSET), value);
  }

  /** 0 to 65535, low byte first, at any address. */
  read16(gpa: number): number {
    if ((gpa & 1) !== 0) return this.#readParts(gpa, 2);
    const base = this.loadable(gpa);
    if (base < 0) return this.#readDevice(gpa, 2);
    return this.mem.guestLoad16(base * 2 + ((gpa & OFFSET) >> 1));
  }

  /** The low 16 bits of `value`, low byte first, at any address. */
  write16(gpa: number, value: number): void {
    if ((gpa & 1) !== 0) {
      this.#writeParts(gpa, 2, value);
      return;
    }
    const base = this.storable(gpa);
    if (base < 0) this.#writeDevice(gpa, 2, value);
    else this.mem.guestStore16(base * 2 + ((gpa & OFFSET) >> 1), value);
  }

  /** A signed number of 32 bits (`>>> 0` makes it unsigned), low byte first, at any address. */
  read32(gpa: number): number {
    if ((gpa & 3) !== 0) return this.#readParts(gpa, 4);
    const base = this.loadable(gpa);
    if (base < 0) return this.#readDevice(gpa, 4) | 0;
    return this.mem.guestLoad(base + ((gpa & OFFSET) >> 2));
  }

  /** The low 32 bits of `value`, signed or unsigned, low byte first, at any address. */
  write32(gpa: number, value: number): void {
    if ((gpa & 3) !== 0) {
      this.#writeParts(gpa, 4, value);
      return;
    }
    const base = this.storable(gpa);
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

  /** The low 64 bits of `value`, as `write64Pair` stores them. */
  write64(gpa: number, value: bigint): void {
    this.write64Pair(gpa, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Fills `into` from `gpa` on. */
  readBytes(gpa: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const part = into.subarray(done, done + PAGE - ((gpa + done) & OFFSET));
      const base = this.loadable(gpa + done);
      if (base >= 0) this.mem.guestRead(base * 4 + ((gpa + done) & OFFSET), part);
      else for (const byte of part.keys()) part[byte] = this.read8(gpa + done + byte);
      done += part.length;
    }
  }

  /** Stores `bytes` from `gpa` on. */
  writeBytes(gpa: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + PAGE - ((gpa + done) & OFFSET));
      const base = this.storable(gpa + done);
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

  /** Atomic, as `lock or`; answers the value found, signed. Throws as `atomicAdd32` does. */
  atomicOr32(gpa: number, bits: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, (found) => found | bits);
    return this.mem.guestOr32(index, bits);
  }

  /** Atomic, as `lock and`; answers the value found, signed. Throws as `atomicAdd32` does. */
  atomicAnd32(gpa: number, bits: number): number {
    const index = this.#atomicWord(gpa);
    if (index < 0) return this.#exchangeWithDevice(gpa, (found) => found & bits);
    return this.mem.guestAnd32(index, bits);
  }

  /** Atomic, as `xchg`; answers the value found, signed. Throws as `atomicAdd32` does. */
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

  // The TLB's hits are here once more: a call into another module is looked up each time (docs/decisions.md).

  /** Index of the first word of the page, ready for loads; -1 where a device has to be asked. */
  private loadable(gpa: number): number {
    const { own, tlb } = this;
    const entry = ((gpa >>> PAGE_SHIFT) & ENTRY) << 2;
    if ((gpa | 0) === gpa && own.countdown > 0 && tlb[entry] === gpa >>> PAGE_SHIFT) {
      own.countdown--;
      return (tlb[entry + 2] as number) >>> 0;
    }
    return translateRead(this.mem, this.vm, own, gpa as Gpa);
  }

  private storable(gpa: number): number {
    const { own, tlb } = this;
    const entry = ((gpa >>> PAGE_SHIFT) & ENTRY) << 2;
    if ((gpa | 0) === gpa && own.countdown > 0 && tlb[entry + 1] === gpa >>> PAGE_SHIFT) {
      own.countdown--;
      return (tlb[entry + 2] as number) >>> 0;
    }
    return translateWrite(this.mem, this.vm, own, gpa as Gpa);
  }

  #readParts(gpa: number, size: 2 | 4): number {
    if ((gpa & OFFSET) + size <= PAGE && this.loadable(gpa) < 0) {
      return size === 4 ? this.#readDevice(gpa, 4) | 0 : this.#readDevice(gpa, 2);
    }
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.read8(gpa + byte) << (8 * byte);
    return value;
  }

  #writeParts(gpa: number, size: 2 | 4, value: number): void {
    if ((gpa & OFFSET) + size <= PAGE && this.storable(gpa) < 0) {
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
    const base = this.storable(gpa);
    return base < 0 ? -1 : base + ((gpa & OFFSET) >> 2);
  }

  /** Devices know no atomics: as an emulated instruction, a read and a write. */
  #exchangeWithDevice(gpa: number, next: (found: number) => number): number {
    const found = this.#readDevice(gpa, 4) | 0;
    this.#writeDevice(gpa, 4, next(found));
    return found;
  }

  #readDevice(gpa: number, size: 1 | 2 | 4): number {
    // A device may take its time, or do the work of the VMM; the next access enters the guest again.
    leaveGuest(this.mem, this.own);
    return this.#mmio.read(gpa, size);
  }

  #writeDevice(gpa: number, size: 1 | 2 | 4, value: number): void {
    leaveGuest(this.mem, this.own);
    this.#mmio.write(gpa, size, value);
  }
}
