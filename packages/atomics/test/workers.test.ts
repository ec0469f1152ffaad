import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { findDamage } from '../src/frame-pool.ts';
import { WAIT_WOKEN } from '../src/shared.ts';
import { connectThread, createSharedMemory } from '../src/threads.ts';
import type { WasmShared } from '../src/wasm-shared.ts';
import type { Assignment } from './contract-worker.ts';
import { impatient } from './impatient.ts';
import {
  COUNTS,
  HELD_AT_MOST,
  type JobName,
  SECTIONS,
  TABLE,
  TURNS,
  WORDS_BYTES,
  WRITES,
  wordsOf,
} from './jobs.ts';

/** Enough for four threads that hold so many each, besides the 32 that their pools keep. */
const FRAMES = 4 * (HELD_AT_MOST + 32);
const running: Worker[] = [];

/** A memory for so many workers; answers the connection of one more thread, the test's own. */
function memoryFor(workers: number): WasmShared {
  const memory = createSharedMemory({
    threads: workers + 1,
    words: WORDS_BYTES,
    frames: FRAMES,
    frameBytes: 64,
    ram: 16,
  });
  return impatient(connectThread(memory, workers));
}

/** Does each job on a worker of its own, all at once; answers what they answer. */
function onWorkers({ memory }: WasmShared, ...names: JobName[]): Promise<unknown[]> {
  const answers = names.map((job, thread) => {
    const workerData: Assignment = { memory, thread, job };
    const worker = new Worker(new URL('./contract-worker.js', import.meta.url), { workerData });
    running.push(worker);
    return new Promise((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
  });
  return Promise.all(answers);
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((worker) => worker.terminate()));
});

describe('Four threads that count in the same words', () => {
  it('lose nothing by add32, add64 or cmpxchg64', async () => {
    const mem = memoryFor(4);
    const { a, b, c } = wordsOf(mem);
    // The low halves overflow on the way.
    mem.store64(b, -COUNTS, 0);
    mem.store64(c, -COUNTS, 0);
    await onWorkers(mem, 'count', 'count', 'count', 'count');
    expect(mem.load32(a)).toBe(4 * COUNTS);
    expect([mem.load64(b), mem.high]).toEqual([3 * COUNTS, 1]);
    expect([mem.load64(c), mem.high]).toEqual([3 * COUNTS, 1]);
  });

  it('lose nothing when some use the whole word and some its half', async () => {
    const mem = memoryFor(4);
    await onWorkers(mem, 'countHalf', 'countHalf', 'countHalf', 'countHalf');
    expect([mem.load64(wordsOf(mem).a), mem.high]).toEqual([2 * COUNTS, 2 * COUNTS]);
  });

  it('lose no bit by or64', async () => {
    const mem = memoryFor(4);
    const met = await onWorkers(mem, 'setBits', 'setBits', 'setBits', 'setBits');
    expect(met).toEqual([0, 0, 0, 0]);
    const { table } = wordsOf(mem);
    const words = Array.from({ length: TABLE }, (_, at) => [mem.load64(table(at)), mem.high]);
    expect(words).toEqual(words.map(() => [-1, -1]));
  });
});

describe('A 64-bit word that one thread writes', () => {
  it('is never seen half written', async () => {
    const mem = memoryFor(3);
    const [, ...torn] = await onWorkers(mem, 'writeTwins', 'readTwins', 'readTwins');
    expect(torn).toEqual([0, 0]);
  });
});

describe('A mutex that four threads want', () => {
  it('lets one at a time count in guest memory', async () => {
    const mem = memoryFor(4);
    await onWorkers(mem, 'countLocked', 'countLocked', 'countLocked', 'countLocked');
    expect(mem.guestLoad(0)).toBe(4 * SECTIONS);
    expect(mem.load32(wordsOf(mem).lock)).toBe(0);
  });
});

describe('A readers-writer lock', () => {
  it('shows nobody what two writers have half done', async () => {
    const mem = memoryFor(4);
    mem.store32(wordsOf(mem).a, 2);
    const halves = await onWorkers(mem, 'writePairs', 'writePairs', 'readPairs', 'readPairs');
    expect(halves).toEqual([0, 0, 0, 0]);
    expect([mem.guestLoad(0), mem.guestLoad(1)]).toEqual([2 * WRITES, 2 * WRITES]);
  });

  it('lets a writer in while two readers never stop', async () => {
    const mem = memoryFor(3);
    mem.store32(wordsOf(mem).a, 1);
    await onWorkers(mem, 'writePairs', 'readPairs', 'readPairs');
    expect(mem.guestLoad(0)).toBe(WRITES);
  });
});

describe('Threads that sleep', () => {
  it('hand a baton round by wait and notify', async () => {
    const mem = memoryFor(4);
    const met = await onWorkers(mem, 'passBaton', 'passBaton', 'passBaton', 'passBaton');
    expect(met).toEqual([0, 0, 0, 0]);
    expect(mem.guestLoad(0)).toBe(4 * TURNS);
  });

  it('wake one by one when one is asked for at a time', async () => {
    const mem = memoryFor(4);
    const [woken, ...why] = await onWorkers(mem, 'wakeOneByOne', 'sleep', 'sleep', 'sleep');
    expect(woken).toEqual([1, 1, 1]);
    expect(why).toEqual([WAIT_WOKEN, WAIT_WOKEN, WAIT_WOKEN]);
  });

  it('sleep through what is not what they wait for', async () => {
    const mem = memoryFor(3);
    const [bits] = await onWorkers(mem, 'waitForBits', 'waitForBits', 'countToFive');
    expect((bits as number) & 0b110).toBe(0b100);
  });

  it('wake when the word changes', async () => {
    const mem = memoryFor(2);
    const [word] = await onWorkers(mem, 'waitForChange', 'countToFive');
    expect(word).not.toBe(0);
  });
});

describe('A grace period', () => {
  it('is over only when a reader that was inside has polled', async () => {
    const mem = memoryFor(2);
    expect(await onWorkers(mem, 'waitForReader', 'pollLate')).toEqual([1, 1]);
  });

  it('does not wait for a thread that sleeps outside', async () => {
    const mem = memoryFor(2);
    const both = await onWorkers(mem, 'synchronizeOften', 'sleepOutside');
    expect(both).toEqual([undefined, undefined]);
  });

  it('keeps every frame that a reader holds, whoever replaces it', async () => {
    const mem = memoryFor(4);
    const [, , ...poisoned] = await onWorkers(
      mem,
      'replaceFrames',
      'replaceFrames',
      'readFrames',
      'readFrames',
    );
    expect(poisoned).toEqual([0, 0]);
    expect(findDamage(mem, mem.memory.map)).toBeUndefined();
  });
});

describe('Frames that four threads take and give back', () => {
  it('have one owner at a time, are whole afterwards, and all there', async () => {
    const mem = memoryFor(4);
    const shared = await onWorkers(
      mem,
      'allocAndFree',
      'allocAndFree',
      'allocAndFree',
      'allocAndFree',
    );
    expect(shared).toEqual([0, 0, 0, 0]);
    expect(findDamage(mem, mem.memory.map)).toBeUndefined();
    const frames = Array.from({ length: FRAMES }, () => mem.alloc());
    expect(new Set(frames).size).toBe(FRAMES);
  });

  it('are found when somebody writes to one that is free', async () => {
    const mem = memoryFor(4);
    await onWorkers(mem, 'allocAndFree', 'allocAndFree', 'allocAndFree', 'allocAndFree');
    const frame = mem.alloc();
    mem.free(frame);
    mem.disconnect();
    mem.store32(frame + 60, 0);
    expect(findDamage(mem, mem.memory.map)).toBe(frame);
  });
});
