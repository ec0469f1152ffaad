// The queue of queue-wait.js, repaired: the bell counts, and whoever sleeps waits for the count that it read while it held
// the mutex. A notify that comes too early has changed the word, and the wait returns at once. Holds.
//
//     faultline check examples/check/queue-wait-repaired.js
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
  ring();
  unlock(state, MUTEX);
}

function take() {
  lock(state, MUTEX);
  while (state[COUNT] === 0) sleep();
  const value = slots[--state[COUNT]];
  ring();
  unlock(state, MUTEX);
  return value;
}

/** Lets go of the mutex while it sleeps. */
function sleep() {
  const heard = Atomics.load(state, BELL);
  unlock(state, MUTEX);
  Atomics.wait(state, BELL, heard);
  lock(state, MUTEX);
}

function ring() {
  Atomics.add(state, BELL, 1);
  Atomics.notify(state, BELL);
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
