// The ring buffer of ring.js, but the producer publishes the index before the slot. Broken: the consumer may read the slot
// before the value is there. Reported as a data race, which it is; with `dataRaces` ignored, as a value that never was sent.
//
//     faultline check examples/check/ring-index-first.js
const SLOTS = 2;
const HEAD = 0;
const TAIL = 1;

const memory = new SharedArrayBuffer(4 * (2 + SLOTS));
const state = new Int32Array(memory, 0, 2);
const slots = new Int32Array(memory, 8, SLOTS);

function push(value) {
  const tail = Atomics.load(state, TAIL);
  if (tail - Atomics.load(state, HEAD) === SLOTS) return false;
  Atomics.store(state, TAIL, tail + 1); // too early
  slots[tail % SLOTS] = value;
  return true;
}

function pop() {
  const head = Atomics.load(state, HEAD);
  if (head === Atomics.load(state, TAIL)) return undefined;
  const value = slots[head % SLOTS];
  Atomics.store(state, HEAD, head + 1);
  return value;
}

export const threads = {
  producer: () => push(11),
  consumer: () => pop(),
};

export const properties = {
  finally: {
    'what is received was sent': ({ consumer }) => consumer === undefined || consumer === 11,
  },
};
