// Damages bytes as disks, networks and people do, and as nobody does: bits, bytes, sizes, cuts, holes, repeats, splices.
import type { Random } from './random.ts';

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

/** What breaks readers: nothing, all, the signs, just below and above. */
const BAD_SIZES: readonly number[] = [
  0, 1, 3, 4, 7, 0x7f, 0xff, 0x1000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff,
];
const MOST = 4;

const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  return bytes;
};

const setByte: Mutation = (bytes, random) => {
  bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
};

/** Where a size may stand: at a multiple of four, or anywhere. */
const setWord: Mutation = (bytes, random) => {
  const at = random.below(Math.max(1, bytes.length - 4)) & random.oneOf([-1, -4]);
  const value = random.below(2) === 0 ? random.oneOf(BAD_SIZES) : random.below(bytes.length * 2);
  for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = (value >>> (8 * i)) & 0xff;
  return bytes;
};

const cut: Mutation = (bytes, random) => bytes.slice(0, random.below(bytes.length));

const cutOut: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return joined(bytes.subarray(0, from), bytes.subarray(to));
};

const repeat: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return joined(bytes.subarray(0, to), bytes.subarray(from));
};

const splice: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  const at = random.below(bytes.length);
  bytes.set(bytes.slice(from, Math.min(to, from + bytes.length - at)), at);
  return bytes;
};

const fill: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  return bytes.fill(random.oneOf([0, 0xff, 0x0a, 0x20]), from, to);
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setWord,
  setWord,
  cut,
  cutOut,
  repeat,
  splice,
  fill,
];

/** A damaged copy. */
export function mutate(original: Uint8Array, random: Random): Uint8Array {
  // Not slice(): a Buffer's is a view.
  let bytes = new Uint8Array(original);
  for (let left = 1 + random.below(MOST); left > 0 && bytes.length > 0; left--) {
    bytes = new Uint8Array(random.oneOf(MUTATIONS)(bytes, random));
  }
  return bytes;
}

/** Short, as a rule. */
function range(bytes: Uint8Array, random: Random): [from: number, to: number] {
  const from = random.below(bytes.length);
  const length = 1 + random.below(random.oneOf([8, 64, 4096]));
  return [from, Math.min(bytes.length, from + length)];
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}
