// Result: Never (half a change is seen, a sleeper stays asleep); with each of the mistakes below: Sometimes.
//
// A readers-writer lock over one word, in every interleaving of writers that change two words and readers that compare them.
// Source: atomics/src/rwlock.ts, after the kernel's queued rwlock.
import { rwlock, type Shared, seamMap } from '@faultline/atomics';
import type { NamedWord, Program } from '@faultline/checker';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';

const WRITER = 1 << 31;
const WAITING = 1 << 30;
const HELD_BACK = WRITER | WAITING;
const { wordsAt: LOCK } = seamMap({ threads: 3, words: 64, frames: 0, frameBytes: 64, ram: 2 });
/** Two words that always say the same outside a writer's section. */
const LEFT = 0;
const RIGHT = 1;

interface Rwlock {
  readonly writers: number;
  readonly readers: number;
  readonly readLock: (mem: Shared) => void;
  readonly writeLock: (mem: Shared) => void;
  readonly writeUnlock: (mem: Shared) => void;
}

const shipped: Rwlock = {
  writers: 1,
  readers: 2,
  readLock(mem) {
    if (!rwlock.tryReadLock(mem, LOCK)) rwlock.readLockContended(mem, LOCK);
  },
  writeLock(mem) {
    if (!rwlock.tryWriteLock(mem, LOCK)) rwlock.writeLockContended(mem, LOCK);
  },
  writeUnlock: (mem) => rwlock.writeUnlock(mem, LOCK),
};

const upTo = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, n) => `${name}${n}`);

export const words: readonly NamedWord[] = [
  {
    name: 'rwlock',
    address: LOCK,
    format: (low) =>
      `${low & WRITER ? 'writer ' : ''}${low & WAITING ? 'waiting ' : ''}${low & ~HELD_BACK} readers`,
  },
  { name: 'left', address: LEFT, object: 'ram' },
  { name: 'right', address: RIGHT, object: 'ram' },
];

function program(name: string, { writers, readers, ...lock }: Rwlock): Program {
  const write = (mem: Shared): void => {
    lock.writeLock(mem);
    const next = mem.guestLoad(LEFT) + 1;
    mem.guestStore(LEFT, next);
    mem.guestStore(RIGHT, next);
    lock.writeUnlock(mem);
  };
  const read = (mem: Shared): boolean => {
    lock.readLock(mem);
    const whole = mem.guestLoad(LEFT) === mem.guestLoad(RIGHT);
    rwlock.readUnlock(mem, LOCK);
    return whole;
  };
  return {
    name,
    threads: {
      ...Object.fromEntries(upTo(writers, 'writer').map((thread) => [thread, write])),
      ...Object.fromEntries(upTo(readers, 'reader').map((thread) => [thread, read])),
    },
    finally: {
      'every change is made': (mem) => mem.guestLoad(RIGHT) === writers,
      'nobody sees half a change': (_, results) =>
        Object.values(results).every((whole) => whole !== false),
    },
    sometimes: { 'a writer waits': (mem) => (mem.load32(LOCK) & WAITING) !== 0 },
    words,
  };
}

export const RWLOCK: readonly Litmus[] = litmusesOf({
  source: "atomics/src/rwlock.ts; the kernel's queued rwlock",
  rule: 'A reader enters by one add and looks at what it found; a writer says that it waits before it sleeps.',
  links: ['https://docs.kernel.org/locking/locktypes.html'],
  program,
  holds: {
    'rwlock-1-2': {
      title: 'A writer and two readers',
      story: 'No reader sees half of the change, and nobody sleeps for ever.',
      parts: shipped,
    },
    'rwlock-2-1': {
      title: 'Two writers and a reader',
      story:
        'A writer that takes the lock clears WAITING, also that of the other writer, whom the unlock wakes.',
      parts: { ...shipped, writers: 2, readers: 1 },
    },
  },
  breaks: {
    'rwlock-reader-turns-back-quietly': {
      title: 'A reader that turns back, the last to leave, wakes no writer',
      violates: 'lost wakeup',
      story:
        'A reader adds itself, finds a writer waiting, and takes itself off again. The writer saw a reader and sleeps: ' +
        'nobody else is left to wake it.',
      fix: 'Turning back is an unlock like any other.',
      parts: {
        writers: 2,
        readers: 1,
        readLock(mem) {
          while (!rwlock.tryReadLock(mem, LOCK)) {
            mem.add32(LOCK, -1);
            for (;;) {
              const word = mem.load32(LOCK);
              if ((word & HELD_BACK) === 0) break;
              mem.wait(LOCK, word);
            }
          }
        },
      },
    },
    'rwlock-writer-wakes-one': {
      title: 'A writer that goes wakes one of two readers',
      violates: 'lost wakeup',
      story:
        'The reader that woke leaves without a word, since no writer waits; the other sleeps on.',
      fix: 'A writer wakes all: they may enter together.',
      parts: {
        writeUnlock(mem) {
          mem.and32(LOCK, ~WRITER);
          mem.notify(LOCK, 1);
        },
      },
    },
    'rwlock-writer-waits-unsaid': {
      title: 'A writer sleeps without having said that it waits',
      violates: 'lost wakeup',
      story: 'The last reader finds nobody waiting and wakes nobody.',
      fix: 'The writer sets WAITING in the word that it then sleeps on.',
      parts: {
        writeLock(mem) {
          while (!rwlock.tryWriteLock(mem, LOCK)) {
            if (mem.low !== 0) mem.wait(LOCK, mem.low);
          }
        },
      },
    },
    'rwlock-reader-looks-first': {
      title: 'A reader looks that no writer is there, then adds itself',
      violates: 'nobody sees half a change',
      story: 'Between the look and the add the writer enters.',
      fix: 'One add does both, and answers what it found.',
      parts: {
        readLock(mem) {
          for (;;) {
            const word = mem.load32(LOCK);
            if ((word & HELD_BACK) === 0) break;
            mem.wait(LOCK, word);
          }
          mem.add32(LOCK, 1);
        },
      },
    },
  },
});
