// A Treiber stack over indices, without protection against ABA. Broken: a thread that pops remembers the top and its next
// node; before it exchanges the top, another pops two nodes and pushes the first one back. The exchange succeeds, and a node
// that belongs to somebody is on the stack again.
//
//     faultline check examples/check/treiber-stack.js
const NONE = -1;

const top = new Int32Array(new SharedArrayBuffer(4));
const next = new Int32Array(new SharedArrayBuffer(12));
top[0] = 0; // 0 -> 1 -> 2
next.set([1, 2, NONE]);

function push(node) {
  for (;;) {
    const old = Atomics.load(top, 0);
    Atomics.store(next, node, old);
    if (Atomics.compareExchange(top, 0, old, node) === old) return;
  }
}

function pop() {
  for (;;) {
    const old = Atomics.load(top, 0);
    if (old === NONE) return NONE;
    const below = Atomics.load(next, old);
    if (Atomics.compareExchange(top, 0, old, below) === old) return old;
  }
}

export const threads = {
  slow: () => pop(),
  quick() {
    const first = pop();
    const second = pop();
    if (first !== NONE) push(first);
    return second;
  },
};

function onStack() {
  const nodes = [];
  for (let node = top[0]; node !== NONE && nodes.length < 4; node = next[node]) nodes.push(node);
  return nodes;
}

export const oops = 'a node that somebody took is on the stack again';

export const properties = {
  finally: {
    'a node has one owner': ({ slow, quick }) => {
      const owned = [...onStack(), slow, quick].filter((node) => node !== NONE);
      return new Set(owned).size === owned.length;
    },
  },
};
