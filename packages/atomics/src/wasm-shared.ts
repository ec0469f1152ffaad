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

export class WasmShared implements Shared {
  readonly thread: number;
  readonly memory: SharedMemory;
  emit: ((event: SharedEvent) => void) | undefined = undefined;
  readonly #ops: Ops;
  readonly #latch: Int32Array;
  readonly #latchLow: number;
  readonly #latchHigh: number;
  readonly #ram: Int32Array;
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
    this.#ops = ops;
    this.#sleep = sleep;
    this.#latch = new Int32Array(memory.words.buffer);
    this.#latchLow = latchAddress(thread) >> 2;
    this.#latchHigh = this.#latchLow + 1;
    this.#ram = memory.ram;
    this.#now = now;
    this.#pool = new FramePool(this, memory.map);
  }

  load32(address: number): number {
    return this.#ops.load32(address);
  }
  store32(address: number, value: number): void {
    this.#ops.store32(address, value);
  }
  storePlain32(address: number, value: number): void {
    this.#ops.store32(address, value);
  }
  xchg32(address: number, value: number): number {
    return this.#ops.xchg32(address, value);
  }
  cmpxchg32(address: number, expected: number, value: number): boolean {
    return this.#ops.cmpxchg32(address, expected, value) === 1;
  }
  or32(address: number, bits: number): number {
    return this.#ops.or32(address, bits);
  }
  and32(address: number, bits: number): number {
    return this.#ops.and32(address, bits);
  }
  add32(address: number, value: number): number {
    return this.#ops.add32(address, value);
  }

  get low(): number {
    return this.#latch[this.#latchLow] as number;
  }
  get high(): number {
    return this.#latch[this.#latchHigh] as number;
  }
  load64(address: number): number {
    return this.#ops.load64(address);
  }
  store64(address: number, low: number, high: number): void {
    this.#ops.store64(address, low, high);
  }
  storePlain64(address: number, low: number, high: number): void {
    this.#ops.store64(address, low, high);
  }
  xchg64(address: number, low: number, high: number): number {
    return this.#ops.xchg64(address, low, high);
  }
  cmpxchg64(a: number, expectedLow: number, expectedHigh: number, l: number, h: number): boolean {
    return this.#ops.cmpxchg64(a, expectedLow, expectedHigh, l, h) === 1;
  }
  or64(address: number, low: number, high: number): number {
    return this.#ops.or64(address, low, high);
  }
  and64(address: number, low: number, high: number): number {
    return this.#ops.and64(address, low, high);
  }
  add64(address: number, low: number, high: number): number {
    return this.#ops.add64(address, low, high);
  }
  fence(): void {
    this.#ops.fence();
  }

  wait(address: number, expected: number, ms = -1): number {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.#ops.load32(address) !== expected) return WAIT_NOT_EQUAL;
    }
    return this.#sleep(address, expected, ms);
  }
  notify(address: number, count = -1): number {
    return this.#ops.notify(address, count);
  }
  waitUntil(address: number, mask: number, value: number): void {
    for (;;) {
      const word = this.#ops.load32(address);
      if ((word & mask) === value) return;
      this.wait(address, word);
    }
  }
  waitWhile(address: number, value: number): void {
    while (this.#ops.load32(address) === value) this.wait(address, value);
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
    return this.#ram[index] as number;
  }
  guestStore(index: number, value: number): void {
    this.#ram[index] = value;
  }

  again(): void {}
}
