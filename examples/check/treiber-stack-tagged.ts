// The stack of treiber-stack.js with a version beside the top, in one 64-bit word: every change of the top counts up, and a
// compareExchange of the whole word cannot mistake one time for another. Holds.
//
//     faultline check examples/check/treiber-stack-tagged.ts
type Node = number;

const NONE: Node = -1;
const NODE_BITS = 32n;

const top = new BigUint64Array(new SharedArrayBuffer(8)); // version << 32 | node
const next = new Int32Array(new SharedArrayBuffer(12));
top[0] = 0n; // 0 -> 1 -> 2
next.set([1, 2, NONE]);

const nodeOf = (word: bigint): Node => Number(BigInt.asIntN(32, word));
const versionOf = (word: bigint): bigint => word >> NODE_BITS;
const after = (word: bigint, node: Node): bigint =>
  ((versionOf(word) + 1n) << NODE_BITS) | BigInt.asUintN(32, BigInt(node));

function push(node: Node): void {
  for (;;) {
    const old = Atomics.load(top, 0);
    Atomics.store(next, node, nodeOf(old));
    if (Atomics.compareExchange(top, 0, old, after(old, node)) === old) return;
  }
}

function pop(): Node {
  for (;;) {
    const old = Atomics.load(top, 0);
    const node = nodeOf(old);
    if (node === NONE) return NONE;
    const below = Atomics.load(next, node);
    if (Atomics.compareExchange(top, 0, old, after(old, below)) === old) return node;
  }
}

export const threads = {
  slow: (): Node => pop(),
  quick(): Node {
    const first = pop();
    const second = pop();
    if (first !== NONE) push(first);
    return second;
  },
};

function onStack(): Node[] {
  const nodes: Node[] = [];
  for (
    let node = nodeOf(top[0] ?? 0n);
    node !== NONE && nodes.length < 4;
    node = next[node] ?? NONE
  ) {
    nodes.push(node);
  }
  return nodes;
}

export const words = {
  top: [top, 0, (word: bigint) => `node ${nodeOf(word)}, version ${versionOf(word)}`],
};

export const properties = {
  finally: {
    'a node has one owner': ({ slow, quick }: { slow: Node; quick: Node }): boolean => {
      const owned = [...onStack(), slow, quick].filter((node) => node !== NONE);
      return new Set(owned).size === owned.length;
    },
  },
};
