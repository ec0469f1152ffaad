// Result: Never (an increment is lost, a sleeper stays asleep); with each of the mistakes below: Sometimes.
//
// A mutex of three states over one word, in every interleaving of threads that count under it.
// Source: U. Drepper, Futexes Are Tricky, section 5; atomics/src/mutex.ts.
import { mutex, type Shared, seamMap } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';

const FREE = 0;
const HELD = 1;
const CONTENDED = 2;
const { wordsAt: LOCK } = seamMap({ threads: 3, words: 64, frames: 0, frameBytes: 64, ram: 1 });
const COUNT = 0;

interface Mutex {
  readonly threads: readonly string[];
  readonly lock: (mem: Shared) => void;
  readonly unlock: (mem: Shared) => void;
}

const TWO = ['first', 'second'];
const THREE = ['first', 'second', 'third'];

const shipped: Mutex = {
  threads: TWO,
  lock(mem) {
    if (!mutex.tryLock(mem, LOCK)) mutex.lockContended(mem, LOCK);
  },
  unlock: (mem) => mutex.unlock(mem, LOCK),
};

function program(name: string, { threads, lock, unlock }: Mutex): Program {
  const body = (mem: Shared): void => {
    lock(mem);
    mem.guestStore(COUNT, mem.guestLoad(COUNT) + 1);
    unlock(mem);
  };
  return {
    name,
    threads: Object.fromEntries(threads.map((thread) => [thread, body])),
    finally: { 'every section counts': (mem) => mem.guestLoad(COUNT) === threads.length },
    sometimes: { 'somebody finds it held': (mem) => mem.load32(LOCK) === CONTENDED },
    words: [
      { name: 'mutex', address: LOCK, format: (low) => ['free', 'held', 'contended'][low] ?? '?' },
      { name: 'count', address: COUNT, object: 'ram' },
    ],
  };
}

export const MUTEX: readonly Litmus[] = litmusesOf({
  source: 'U. Drepper, Futexes Are Tricky, 2011, section 5; atomics/src/mutex.ts',
  rule: 'Whoever has slept takes it as contended; whoever gives it back exchanges, and wakes one if it was contended.',
  links: ['https://www.akkadia.org/drepper/futex.pdf'],
  program,
  holds: {
    'mutex-2': {
      title: 'Two threads count under a mutex',
      story:
        'An increment is a load and a store. Under the mutex neither of two is lost, and nobody sleeps for ever.',
      parts: shipped,
    },
    'mutex-3': {
      title: 'Three threads count under a mutex',
      story: 'With two threads that may sleep at once, the one that wakes must remember the other.',
      parts: { ...shipped, threads: THREE },
    },
  },
  breaks: {
    'mutex-sleeper-forgets': {
      title: 'A thread that has slept takes the mutex as merely held, while another sleeps still',
      violates: 'lost wakeup',
      story:
        'Two threads sleep, and the mutex says so. The first to wake takes it as held: nothing says any more that the ' +
        'other sleeps, so the unlock wakes nobody.',
      fix: 'Whoever has slept takes it as contended: that may wake somebody in vain, never nobody.',
      parts: {
        threads: THREE,
        lock(mem) {
          while (!mutex.tryLock(mem, LOCK)) {
            if (mem.cmpxchg32(LOCK, HELD, CONTENDED) || mem.low === CONTENDED) {
              mem.wait(LOCK, CONTENDED);
            }
          }
        },
      },
    },
    'mutex-wakes-nobody': {
      title: 'The holder of a contended mutex gives it back and wakes nobody',
      violates: 'lost wakeup',
      story:
        'The second thread marks the mutex contended and sleeps; the first stores free and goes.',
      fix: 'Give it back by an exchange, and wake one sleeper if it was contended.',
      parts: { unlock: (mem) => mem.store32(LOCK, FREE) },
    },
    'mutex-unlocks-in-two-steps': {
      title: 'The holder looks whether anybody sleeps, then gives the mutex back',
      violates: 'lost wakeup',
      story:
        'Between the look and the store the second thread marks the mutex contended and goes to sleep.',
      fix: 'One exchange gives the mutex back and tells whether anybody sleeps.',
      parts: {
        unlock(mem) {
          const contended = mem.load32(LOCK) === CONTENDED;
          mem.store32(LOCK, FREE);
          if (contended) mem.notify(LOCK, 1);
        },
      },
    },
    'mutex-locks-in-two-steps': {
      title: 'Two threads find the mutex free, and both store that they hold it',
      violates: 'every section counts',
      story: 'Both are in the section: each loads the count, each stores one more than it loaded.',
      fix: 'A compare-and-exchange: only one finds it free.',
      parts: {
        lock(mem) {
          if (mem.load32(LOCK) === FREE) mem.store32(LOCK, HELD);
          else mutex.lockContended(mem, LOCK);
        },
      },
    },
  },
});
