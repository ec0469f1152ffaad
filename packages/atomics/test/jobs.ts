// What the workers of workers.test.ts do: each job runs on several threads of one memory, and answers what it saw.
import { type Mode, modeOf, REQUEST_QUIESCE, setMode, takeRequests } from '../src/grace-period.ts';
import type { Shared } from '../src/shared.ts';
import type { WasmShared } from '../src/wasm-shared.ts';

/** Bytes of words that a memory for these jobs has. */
export const WORDS_BYTES = 8192;
/** How many 64-bit words `setBits` fills. */
export const TABLE = 256;
export const COUNTS = 5000;
export const SECTIONS = 1000;
export const WRITES = 200;
export const TURNS = 100;
export const REPLACEMENTS = 60;
export const ALLOCATIONS = 3000;
/** Frames, by one thread. */
export const HELD_AT_MOST = 40;

const LINE = 64;
/** Where the jobs keep their words; on lines of their own. */
export const wordsOf = ({ memory: { map } }: WasmShared) => {
  const line = (index: number): number => map.wordsAt + index * LINE;
  return {
    started: line(0),
    done: line(1),
    lock: line(2),
    a: line(3),
    b: line(4),
    c: line(5),
    /** The frame that writer 0 or 1 has published. */
    link: (writer: number): number => line(6 + (writer & 1)),
    /** Bit set of threads that have the frame. */
    owners: (frame: number): number => line(16) + 4 * ((frame - map.framesAt) / map.frameBytes),
    table: (index: number): number => line(64) + 8 * index,
  };
};

/** Blocks until all workers are here: every thread of the memory but the last, which is the test's own. */
function start(mem: WasmShared): ReturnType<typeof wordsOf> {
  const words = wordsOf(mem);
  mem.add32(words.started, 1);
  mem.notify(words.started);
  mem.waitUntil(words.started, -1, mem.memory.map.threads - 1);
  return words;
}

function finish(mem: WasmShared): void {
  mem.add32(wordsOf(mem).done, 1);
  mem.notify(wordsOf(mem).done);
}

const INSIDE = 1;
const OUTSIDE = 0;

function enter(mem: Shared, mode: Mode): number {
  let served = 0;
  while (setMode(mem, mode, INSIDE) !== 0) served |= takeRequests(mem, mode);
  return served;
}

/** Fills a frame with what `isIntact` knows again. */
function publishable(mem: WasmShared): number {
  const frame = mem.alloc();
  for (let at = frame; at < frame + mem.memory.map.frameBytes; at += 8) {
    mem.store64(at, frame, ~frame);
  }
  return frame;
}

function isIntact(mem: WasmShared, frame: number): boolean {
  for (let at = frame; at < frame + mem.memory.map.frameBytes; at += 8) {
    if (mem.load64(at) !== (frame | 0) || mem.high !== ~frame) return false;
  }
  return true;
}

export const jobs = {
  /** Adds COUNTS to each of three words, each in another way. */
  count(mem: WasmShared): void {
    const { a, b, c } = start(mem);
    for (let count = 0; count < COUNTS; count++) {
      mem.add32(a, 1);
      mem.add64(b, 1, 0);
      for (;;) {
        const low = mem.load64(c);
        const high = mem.high;
        const carry = low === -1 ? 1 : 0;
        if (mem.cmpxchg64(c, low, high, (low + 1) | 0, high + carry)) break;
      }
    }
  },

  /** Adds to one half of a word what other threads cannot see in the other half. */
  countHalf(mem: WasmShared): void {
    const { a } = start(mem);
    for (let count = 0; count < COUNTS; count++) {
      if (mem.thread % 2 === 0) mem.add32(a, 1);
      else mem.add64(a, 0, 1);
    }
  },

  /** Sets sixteen bits of every word of the table, one at a time; answers how often one of them was set already. */
  setBits(mem: WasmShared): number {
    const { table } = start(mem);
    const at = (mem.thread % 2) * 16;
    let met = 0;
    for (let bit = at; bit < at + 16; bit++) {
      const low = mem.thread < 2 ? 1 << bit : 0;
      const high = mem.thread < 2 ? 0 : 1 << bit;
      for (let index = 0; index < TABLE; index++) {
        const found = mem.or64(table(index), low, high);
        if ((found & low) !== 0 || (mem.high & high) !== 0) met++;
      }
    }
    return met;
  },

  /** Stores words of two equal halves, in every way there is. */
  writeTwins(mem: WasmShared): void {
    const { a } = start(mem);
    for (let twin = 1; twin <= COUNTS; twin++) {
      mem.store64(a, twin, twin);
      mem.xchg64(a, -twin, -twin);
      mem.cmpxchg64(a, -twin, -twin, ~twin, ~twin);
      mem.and64(a, 0, 0);
      mem.or64(a, twin, twin);
    }
  },
  /** Answers how many words of unequal halves it saw. */
  readTwins(mem: WasmShared): number {
    const { a } = start(mem);
    let torn = 0;
    for (let look = 0; look < COUNTS; look++) {
      if (mem.load64(a) !== mem.high) torn++;
      if (mem.cmpxchg64(a, 1, 2, 3, 4) || mem.low !== mem.high) torn++;
    }
    return torn;
  },

  /** Counts in guest memory, which no verb makes atomic. */
  countLocked(mem: WasmShared): void {
    const { lock } = start(mem);
    for (let section = 0; section < SECTIONS; section++) {
      mem.lock(lock);
      mem.guestStore(0, mem.guestLoad(0) + 1);
      mem.unlock(lock);
    }
  },

  /** Writes two guest words that agree outside its sections; answers how often they did not when it came. */
  writePairs(mem: WasmShared): number {
    const { lock } = start(mem);
    let halves = 0;
    for (let write = 0; write < WRITES; write++) {
      mem.writeLock(lock);
      const value = mem.guestLoad(0);
      if (mem.guestLoad(1) !== value) halves++;
      mem.guestStore(0, value + 1);
      mem.fence(); // time for a reader to come in between
      mem.guestStore(1, value + 1);
      mem.writeUnlock(lock);
    }
    finish(mem);
    return halves;
  },
  /** Reads as fast as it can until as many writers have finished as word `a` says there are. */
  readPairs(mem: WasmShared): number {
    const { lock, done, a } = start(mem);
    let halves = 0;
    do {
      mem.readLock(lock);
      if (mem.guestLoad(0) !== mem.guestLoad(1)) halves++;
      mem.readUnlock(lock);
    } while (mem.load32(done) < mem.load32(a));
    return halves;
  },

  /** Takes its turn, then wakes the others. Answers how often somebody else had been there. */
  passBaton(mem: WasmShared): number {
    const { a } = start(mem);
    const threads = mem.memory.map.threads - 1;
    let met = 0;
    for (let turn = mem.thread; turn < threads * TURNS; turn += threads) {
      for (;;) {
        const now = mem.load32(a);
        if (now === turn) break;
        mem.wait(a, now);
      }
      if (mem.guestLoad(0) !== turn) met++;
      mem.guestStore(0, turn + 1);
      mem.store32(a, turn + 1);
      mem.notify(a);
    }
    return met;
  },

  /** Answers why it woke. */
  sleep(mem: WasmShared): number {
    const { a } = start(mem);
    return mem.wait(a, 0);
  },
  /** Wakes one sleeper at a time until it has woken them all; answers how many each notify woke. */
  wakeOneByOne(mem: WasmShared): number[] {
    const { a, b } = start(mem);
    const woken: number[] = [];
    while (woken.length < mem.memory.map.threads - 2) {
      const count = mem.notify(a, 1);
      if (count === 0) mem.wait(b, 0, 1);
      else woken.push(count);
    }
    return woken;
  },

  /** Answers the word when it has bit 2 and lacks bit 1. */
  waitForBits(mem: WasmShared): number {
    const { a } = start(mem);
    mem.waitUntil(a, 0b110, 0b100);
    return mem.load32(a);
  },
  /** Answers the word when it is no longer 0. */
  waitForChange(mem: WasmShared): number {
    const { a } = start(mem);
    mem.waitWhile(a, 0);
    return mem.load32(a);
  },
  /** Counts to five, and says so at each step; `waitForBits` wants four or five. */
  countToFive(mem: WasmShared): void {
    const { a } = start(mem);
    for (let step = 0; step < 5; step++) {
      mem.add32(a, 1);
      mem.notify(a);
    }
  },

  /** Replaces the frame it has published, again and again; frees the old one after a grace period. */
  replaceFrames(mem: WasmShared): void {
    const link = start(mem).link(mem.thread);
    for (let round = 0; round <= REPLACEMENTS; round++) {
      const frame = round === REPLACEMENTS ? 0 : publishable(mem);
      const old = mem.xchg32(link, frame) >>> 0;
      mem.synchronize();
      if (old !== 0) mem.free(old);
    }
    mem.disconnect();
    finish(mem);
  },
  /** Looks at published frames, polls, leaves now and then; answers how often it held one that was free. */
  readFrames(mem: WasmShared): number {
    const { done, link } = start(mem);
    const mode = modeOf(mem.thread);
    let poisoned = 0;
    for (let round = 0; mem.load32(done) < 2; round++) {
      enter(mem, mode);
      const frames = [link(0), link(1)].map((at) => mem.load32(at) >>> 0);
      for (let look = 0; look < 8; look++) {
        for (const frame of frames) if (frame !== 0 && !isIntact(mem, frame)) poisoned++;
      }
      if (round % 8 === 0) setMode(mem, mode, OUTSIDE);
    }
    setMode(mem, mode, OUTSIDE);
    return poisoned;
  },

  /** Answers whether the reader had polled when the grace period was over. */
  waitForReader(mem: WasmShared): number {
    const { a, b } = start(mem);
    mem.waitUntil(a, -1, 1);
    mem.synchronize();
    return mem.load32(b);
  },
  /** Is inside when the writer comes, and says so before it polls. */
  pollLate(mem: WasmShared): number {
    const { a, b } = start(mem);
    const mode = modeOf(mem.thread);
    enter(mem, mode);
    mem.store32(a, 1);
    mem.notify(a);
    while (mem.load32(mode.requests) === 0) mem.wait(mode.requests, 0, 1);
    mem.store32(b, 1);
    const served = enter(mem, mode);
    setMode(mem, mode, OUTSIDE);
    return served & REQUEST_QUIESCE;
  },
  /** Sleeps outside while the writer waits for nobody. */
  sleepOutside(mem: WasmShared): void {
    const { done } = start(mem);
    mem.waitUntil(done, -1, 1);
  },
  synchronizeOften(mem: WasmShared): void {
    start(mem);
    for (let round = 0; round < REPLACEMENTS; round++) mem.synchronize();
    finish(mem);
  },

  /** Holds frames, a few or many, and gives them back; answers how often it got one that somebody had. */
  allocAndFree(mem: WasmShared): number {
    const { owners } = start(mem);
    const self = 1 << mem.thread;
    const held: number[] = [];
    let [shared, seed, target] = [0, mem.thread, 0];
    const take = (): void => {
      const frame = mem.alloc();
      if (mem.or32(owners(frame), self) !== 0) shared++;
      mem.store64(frame, self, self);
      held.push(frame);
    };
    const giveBack = (): void => {
      const frame = held.shift() as number;
      if (mem.load64(frame) !== self || mem.and32(owners(frame), ~self) !== self) shared++;
      mem.free(frame);
    };
    for (let round = 0; round < ALLOCATIONS; round++) {
      if (held.length === target) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) | 0;
        target = (seed >>> 16) % (HELD_AT_MOST + 1);
      } else if (held.length < target) take();
      else giveBack();
    }
    while (held.length > 0) giveBack();
    mem.disconnect();
    return shared;
  },
};

export type JobName = keyof typeof jobs;
