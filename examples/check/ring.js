// A ring buffer for one producer and one consumer, as in many audio and logging libraries. Holds.
//
//     faultline check examples/check/ring.js
//
// The producer alone writes TAIL, the consumer alone HEAD. A slot is stored before the index that gives it away, and loaded
// before the index that takes it back: the stores of slots are plain, and yet no two of them ever meet.
const SLOTS = 2;
const HEAD = 0; // next slot to read
const TAIL = 1; // next slot to write

const memory = new SharedArrayBuffer(4 * (2 + SLOTS));
const state = new Int32Array(memory, 0, 2);
const slots = new Int32Array(memory, 8, SLOTS);

export function push(value) {
  const tail = Atomics.load(state, TAIL);
  if (tail - Atomics.load(state, HEAD) === SLOTS) return false;
  slots[tail % SLOTS] = value;
  Atomics.store(state, TAIL, tail + 1);
  return true;
}

export function pop() {
  const head = Atomics.load(state, HEAD);
  if (head === Atomics.load(state, TAIL)) return undefined;
  const value = slots[head % SLOTS];
  Atomics.store(state, HEAD, head + 1);
  return value;
}

const SENT = [11, 12, 13];

export const threads = {
  producer() {
    for (const value of SENT) {
      while (!push(value)) {
        // full: try again
      }
    }
  },
  consumer() {
    const received = [];
    while (received.length < SENT.length) {
      const value = pop();
      if (value !== undefined) received.push(value);
    }
    return received;
  },
};

export const properties = {
  always: {
    'never more values than slots': () => state[TAIL] - state[HEAD] <= SLOTS,
  },
  sometimes: {
    'the ring is full': () => state[TAIL] - state[HEAD] === SLOTS,
  },
  finally: {
    'all values arrive, in order': ({ consumer }) => consumer.join() === SENT.join(),
  },
};
