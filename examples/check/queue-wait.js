// A bounded queue whose threads sleep while there is nothing to do, over the mutex and the sleeping places of mutex.js.
// Broken: a sleeper waits on a word that says only "somebody may sleep here". The notify between its look at the count and
// its wait finds nobody, and it sleeps for ever.
//
//     faultline check examples/check/queue-wait.js
import { lock, unlock } from './mutex.js';

const SLOTS = 1;
const MUTEX = 0;
const COUNT = 1;
const BELL = 2;

const state = new Int32Array(new SharedArrayBuffer(12));
const slots = new Int32Array(new SharedArrayBuffer(4 * SLOTS));

function put(value) {
  lock(state, MUTEX);
  while (state[COUNT] === SLOTS) sleep();
  slots[state[COUNT]++] = value;
  Atomics.notify(state, BELL);
  unlock(state, MUTEX);
}

function take() {
  lock(state, MUTEX);
  while (state[COUNT] === 0) sleep();
  const value = slots[--state[COUNT]];
  Atomics.notify(state, BELL);
  unlock(state, MUTEX);
  return value;
}

/** Lets go of the mutex while it sleeps. */
function sleep() {
  unlock(state, MUTEX);
  Atomics.wait(state, BELL, 0); // the word never changes: the wait cannot know that it comes too late
  lock(state, MUTEX);
}

export const threads = {
  producer() {
    put(1);
    put(2);
  },
  consumer: () => [take(), take()].join(' '),
};

export const properties = {
  always: {
    'never more values than slots': () => state[COUNT] <= SLOTS,
  },
  finally: {
    'all values arrive, in order': ({ consumer }) => consumer === '1 2',
  },
};
