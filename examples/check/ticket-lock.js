// A ticket lock: take a number, wait until it is served. Holds; waiting threads spin, and the search sees that they do.
//
//     faultline check examples/check/ticket-lock.js
const NEXT = 0;
const SERVING = 1;

const lock = new Int32Array(new SharedArrayBuffer(8));
const counter = new Int32Array(new SharedArrayBuffer(4));

function acquire() {
  const ticket = Atomics.add(lock, NEXT, 1);
  while (Atomics.load(lock, SERVING) !== ticket) {
    // not yet
  }
}

function release() {
  Atomics.add(lock, SERVING, 1);
}

function increment() {
  acquire();
  counter[0]++; // plain: the lock orders it
  release();
}

export const threads = { first: increment, second: increment, third: increment };

export const symmetric = ['first', 'second', 'third'];

export const properties = {
  sometimes: {
    'two threads wait': () => lock[NEXT] - lock[SERVING] === 3,
  },
  finally: {
    'no increment is lost': () => counter[0] === 3,
  },
};
