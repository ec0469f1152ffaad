// The seam over a WebAssembly memory: what `threads` and `alone` share. Each verb is one call of ops.wat.
import { FramePool } from './frame-pool.ts';
import { synchronize } from './grace-period.ts';
import * as mutex from './mutex.ts';
import * as rwlock from './rwlock.ts';
import { latchAddress, type SeamMap } from './seam-map.ts';
import { type Shared, type SharedEvent, WAIT_NOT_EQUAL } from './shared.ts';

/** What ops.wat exports. */
export interface Ops {
  load32(address: number): number;
  store32(address: number, value: number): void;
  xchg32(address: number, value: number): number;
  cmpxchg32(address: number, expected: number, value: number): number;
  or32(address: number, bits: number): number;
  and32(address: number, bits: number): number;
  add32(address: number, value: number): number;
  load64(address: number): number;
  store64(address: number, low: number, high: number): void;
  xchg64(address: number, low: number, high: number): number;
  cmpxchg64(a: number, expectedLow: number, expectedHigh: number, l: number, h: number): number;
  or64(address: number, low: number, high: number): number;
  and64(address: number, low: number, high: number): number;
  add64(address: number, low: number, high: number): number;
  fence(): void;
  wait(address: number, expected: number, ms: number): number;
  notify(address: number, count: number): number;
}

/** A memory as threads hand it to each other (structured clone keeps it shared). */
export interface SharedMemory {
  /** A WebAssembly.Memory, by the one member that others may need. */
  readonly words: { readonly buffer: SharedArrayBuffer | ArrayBuffer };
  readonly ram: Int32Array;
  readonly map: SeamMap;
}

/** How long a lock was waited for, and held for writing. Milliseconds. */
export interface LockTimes {
  waits: number;
  waitedMs: number;
  writes: number;
  writtenMs: number;
  /** Read sections, and how long some of them were: one in 64, the last few thousand. */
  reads: number;
  readonly readSamplesMs: number[];
}

const READS_PER_SAMPLE = 64;
const MOST_SAMPLES = 4096;
/** Looks at a word this often before sleeping: a sleep and its wake-up cost more than most critical sections. */
const SPINS = 100;

export interface ConnectOptions {
  /** Milliseconds from any origin, for `lockTimes`; without it no lock is timed. */
  readonly now?: () => number;
}

/** Elements that an array of any size may have in the engines there are; more is guest memory of whole words only. */
const MOST_ELEMENTS = 2 ** 32 - 1;

function smallerView<View>(
  ram: Int32Array,
  View: {
    new (buffer: ArrayBufferLike, at: number, length: number): View;
    readonly BYTES_PER_ELEMENT: number;
  },
): View {
  const length = ram.byteLength / View.BYTES_PER_ELEMENT;
  return new View(ram.buffer, ram.byteOffset, length <= MOST_ELEMENTS ? length : 0);
}

export class WasmShared implements Shared {
  readonly thread: number;
  readonly memory: SharedMemory;
  emit: ((event: SharedEvent) => void) | undefined = undefined;
  // Not methods: a call of one of these is a call of WebAssembly, with no frame of ours between that has to be inlined.
  readonly load32: Shared['load32'];
  readonly store32: Shared['store32'];
  readonly storePlain32: Shared['storePlain32'];
  readonly xchg32: Shared['xchg32'];
  readonly cmpxchg32: Shared['cmpxchg32'];
  readonly or32: Shared['or32'];
  readonly and32: Shared['and32'];
  readonly add32: Shared['add32'];
  readonly load64: Shared['load64'];
  readonly store64: Shared['store64'];
  readonly storePlain64: Shared['storePlain64'];
  readonly xchg64: Shared['xchg64'];
  readonly cmpxchg64: Shared['cmpxchg64'];
  readonly or64: Shared['or64'];
  readonly and64: Shared['and64'];
  readonly add64: Shared['add64'];
  readonly fence: Shared['fence'];
  readonly #wake: Ops['notify'];
  readonly #latch: Int32Array;
  readonly #latchLow: number;
  readonly #latchHigh: number;
  private readonly ram: Int32Array;
  private readonly ram8: Uint8Array;
  private readonly ram16: Uint16Array;
  readonly #pool: FramePool;
  readonly #now: (() => number) | undefined;
  readonly #sleep: Ops['wait'];
  readonly #times = new Map<number, LockTimes>();
  #lockedAt = 0;
  #reads = 0;

  constructor(
    memory: SharedMemory,
    thread: number,
    ops: Ops,
    sleep: Ops['wait'],
    { now }: ConnectOptions = {},
  ) {
    this.thread = thread;
    this.memory = memory;
    this.load32 = ops.load32;
    this.store32 = ops.store32;
    this.storePlain32 = ops.store32;
    this.xchg32 = ops.xchg32;
    this.cmpxchg32 = ops.cmpxchg32;
    this.or32 = ops.or32;
    this.and32 = ops.and32;
    this.add32 = ops.add32;
    this.load64 = ops.load64;
    this.store64 = ops.store64;
    this.storePlain64 = ops.store64;
    this.xchg64 = ops.xchg64;
    this.cmpxchg64 = ops.cmpxchg64;
    this.or64 = ops.or64;
    this.and64 = ops.and64;
    this.add64 = ops.add64;
    this.fence = ops.fence;
    this.#wake = ops.notify;
    this.#sleep = sleep;
    this.#latch = new Int32Array(memory.words.buffer);
    this.#latchLow = latchAddress(thread) >> 2;
    this.#latchHigh = this.#latchLow + 1;
    this.ram = memory.ram;
    this.ram8 = smallerView(memory.ram, Uint8Array);
    this.ram16 = smallerView(memory.ram, Uint16Array);
    this.#now = now;
    this.#pool = new FramePool(this, memory.map);
  }

  get low(): number {
    return this.#latch[this.#latchLow] as number;
  }
  get high(): number {
    return this.#latch[this.#latchHigh] as number;
  }

  wait(address: number, expected: number, ms = -1): number {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.load32(address) !== expected) return WAIT_NOT_EQUAL;
    }
    return this.#sleep(address, expected, ms);
  }
  notify(address: number, count = -1): number {
    return this.#wake(address, count);
  }
  waitUntil(address: number, mask: number, value: number): void {
    for (;;) {
      const word = this.load32(address);
      if ((word & mask) === value) return;
      this.wait(address, word);
    }
  }
  waitWhile(address: number, value: number): void {
    while (this.load32(address) === value) this.wait(address, value);
  }

  /**
   * As `waitWhile` until the next notify, without blocking the thread: resolves when the word is notified, or at once where it
   * holds something else. Not a verb of `Shared`, whose bodies are synchronous.
   */
  async waitAsync(address: number, expected: number): Promise<void> {
    await Atomics.waitAsync(this.#latch, address >> 2, expected).value;
  }

  lock(address: number): void {
    if (!mutex.tryLock(this, address)) this.#timeWait(address, mutex.lockContended);
  }
  unlock(address: number): void {
    mutex.unlock(this, address);
  }
  readLock(address: number): void {
    if (!rwlock.tryReadLock(this, address)) this.#timeWait(address, rwlock.readLockContended);
    if (++this.#reads === READS_PER_SAMPLE) this.#lockedAt = this.#now?.() ?? 0;
  }
  readUnlock(address: number): void {
    rwlock.readUnlock(this, address);
    if (this.#reads >= READS_PER_SAMPLE) this.#sampleRead(address);
  }
  writeLock(address: number): void {
    if (!rwlock.tryWriteLock(this, address)) this.#timeWait(address, rwlock.writeLockContended);
    this.#lockedAt = this.#now?.() ?? 0;
  }
  writeUnlock(address: number): void {
    if (this.#now !== undefined) {
      const times = this.lockTimes(address);
      times.writes++;
      times.writtenMs += this.#now() - this.#lockedAt;
    }
    rwlock.writeUnlock(this, address);
  }
  /** What this thread has waited for and held the lock at `address`. */
  lockTimes(address: number): LockTimes {
    let times = this.#times.get(address);
    if (times === undefined) {
      times = {
        waits: 0,
        waitedMs: 0,
        writes: 0,
        writtenMs: 0,
        reads: 0,
        readSamplesMs: [],
      };
      this.#times.set(address, times);
    }
    return times;
  }
  #timeWait(address: number, acquire: (mem: Shared, address: number) => void): void {
    const from = this.#now?.() ?? 0;
    acquire(this, address);
    if (this.#now === undefined) return;
    const times = this.lockTimes(address);
    times.waits++;
    times.waitedMs += this.#now() - from;
  }
  #sampleRead(address: number): void {
    this.#reads = 0;
    if (this.#now === undefined) return;
    const times = this.lockTimes(address);
    times.readSamplesMs[(times.reads / READS_PER_SAMPLE) % MOST_SAMPLES] =
      this.#now() - this.#lockedAt;
    times.reads += READS_PER_SAMPLE;
  }

  enterRead(): void {}
  exitRead(): void {}
  synchronize(): void {
    synchronize(this, this.memory.map);
  }
  alloc(): number {
    return this.#pool.alloc();
  }
  free(frame: number): void {
    this.#pool.free(frame);
  }
  /** Gives this thread's free frames back to the others: before the thread ends. */
  disconnect(): void {
    this.#pool.giveBack(0);
  }

  guestLoad(index: number): number {
    return this.ram[index] as number;
  }
  guestStore(index: number, value: number): void {
    this.ram[index] = value;
  }
  guestLoad8(index: number): number {
    return this.ram8[index] as number;
  }
  guestStore8(index: number, value: number): void {
    this.ram8[index] = value;
  }
  guestLoad16(index: number): number {
    return this.ram16[index] as number;
  }
  guestStore16(index: number, value: number): void {
    this.ram16[index] = value;
  }
  guestRead(index: number, into: Uint8Array): void {
    into.set(this.ram8.subarray(index, index + into.length));
  }
  guestWrite(index: number, bytes: Uint8Array): void {
    this.ram8.set(bytes, index);
  }
  guestFillWords(index: number, count: number, value: number): void {
    this.ram.fill(value, index, index + count);
  }
  guestCopyWords(to: number, from: number, count: number): void {
    this.ram.copyWithin(to, from, from + count);
  }
  guestAdd32(index: number, value: number): number {
    return Atomics.add(this.ram, index, value);
  }
  guestOr32(index: number, bits: number): number {
    return Atomics.or(this.ram, index, bits);
  }
  guestAnd32(index: number, bits: number): number {
    return Atomics.and(this.ram, index, bits);
  }
  guestXchg32(index: number, value: number): number {
    return Atomics.exchange(this.ram, index, value);
  }
  guestCmpxchg32(index: number, expected: number, value: number): number {
    return Atomics.compareExchange(this.ram, index, expected, value);
  }
  /**
   * A view of `words` words of guest memory from `index` on, to copy whole pages. Not a verb of `Shared`: a body that is run
   * again from a log cannot hold one. What the guest writes while it is read is torn: whoever copies a page that does
   * not stand still copies it again.
   */
  guestBytes(index: number, words: number): Uint8Array {
    return new Uint8Array(this.ram.buffer, this.ram.byteOffset + index * 4, words * 4);
  }

  again(): void {}
}
