// A mutex in one word of an Int32Array: 0 free, 1 held, 2 held and somebody may sleep. After Drepper, "Futexes are tricky".
const FREE = 0;
const HELD = 1;
const AWAITED = 2;

export function lock(words, at) {
  if (Atomics.compareExchange(words, at, FREE, HELD) === FREE) return;
  while (Atomics.exchange(words, at, AWAITED) !== FREE) Atomics.wait(words, at, AWAITED);
}

export function unlock(words, at) {
  if (Atomics.exchange(words, at, FREE) === AWAITED) Atomics.notify(words, at, 1);
}
