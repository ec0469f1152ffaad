import { describe, expect, it } from 'vitest';
import { files, outcomeOf } from './check-file-program.ts';

const { program, verdict } = files();

const ARRAYS = `
const buffer = new SharedArrayBuffer(64);
const ints = new Int32Array(buffer, 0, 4);
const words = new Uint32Array(buffer, 16, 2);
const longs = new BigInt64Array(buffer, 24, 2);
const ulongs = new BigUint64Array(buffer, 40, 2);
ints.set([3, 1, 2]);
longs[1] = -5n;
`;

/** Code as a function's body, which returns something JSON knows. */
const SNIPPETS = {
  'elements, and what is no element':
    'ints[0] = 2 ** 31; ints[9] = 1; ints[-1] = 1; words[0] = -1; return [ints[0], ints[9], ints[-1], ints["1.5"], words[0], 1 in ints, 4 in ints]',
  'elements of 64 bits':
    'longs[0] = 2n ** 63n; ulongs[0] = -1n; return [longs[0], longs[1], ulongs[0]].map(String)',
  'compound assignments': 'ints[0]++; ints[1] += 5; ints[2] <<= 4; ints[3] ??= 7; return [...ints]',
  'values that have to be converted':
    'ints[0] = "12"; ints[1] = { valueOf: () => 3.9 }; ints[2] = NaN; ints[3] = true; return [...ints]',
  'length, offset, and what they are instances of':
    'return [ints.length, longs.byteOffset, longs.byteLength, ints.BYTES_PER_ELEMENT, ints.buffer === buffer, ints instanceof Int32Array, ints.constructor === Int32Array, ints.constructor.name, Object.prototype.toString.call(longs), Array.isArray(ints)]',
  iteration:
    'let sum = 0; for (const value of ints) sum += value; for (const [i, value] of ints.entries()) sum += i * value; return [sum, ...ints.keys(), ...ints.values()]',
  'fill, set, subarray, slice':
    'ints.fill(9, 1, 3); ints.subarray(2).set([7, 8]); const copy = ints.slice(-3, 3); copy[0] = 1; return [...ints, ...copy, copy instanceof Int32Array]',
  'set from itself, shifted': 'ints.subarray(1).set(ints.slice(0, 3)); return [...ints]',
  'copyWithin, reverse, sort':
    'ints.copyWithin(0, 2); const a = [...ints]; ints.reverse(); const b = [...ints]; ints.set([10, 9, 1, 2]); ints.sort(); return [a, b, [...ints]]',
  'map, filter, reduce, and so on':
    'return [[...ints.map((x) => x * 2)], [...ints.filter((x) => x > 1)], ints.reduce((a, b) => a + b), ints.indexOf(2), ints.includes(7), ints.find((x) => x < 3), ints.some((x) => x === 3), ints.every((x) => x > 0), ints.join("-"), String(ints), ints.at(-1), ints.findLastIndex((x) => x > 0)]',
  'other arrays made of it':
    'const copy = new Int32Array(ints); const from = Int32Array.from(ints, (x) => -x); ints[0] = 50; return [...copy, ...from, ...new Float64Array(ints)]',
  'arrays that are not shared':
    'const own = new Int32Array(2); own[0] = 4; Atomics.add(own, 0, 2); return [...own, ...new Uint8Array([1, 300]), Atomics.load(own, 0)]',
  'Atomics on 32 bits':
    'return [Atomics.load(ints, 0), Atomics.store(ints, 0, 7.9), Atomics.add(ints, 0, 5), Atomics.sub(ints, 0, 2), Atomics.and(ints, 0, 6), Atomics.or(ints, 0, 8), Atomics.exchange(ints, 0, -1), Atomics.compareExchange(ints, 0, -1, 5), Atomics.compareExchange(ints, 0, 4, 6), ints[0]]',
  'Atomics on unsigned words':
    'return [Atomics.sub(words, 0, 1), Atomics.exchange(words, 0, 7), Atomics.compareExchange(words, 0, 2 ** 32 + 7, -1), words[0]]',
  'Atomics on 64 bits':
    'return [Atomics.load(longs, 1), Atomics.store(longs, 0, 2n ** 40n), Atomics.add(longs, 0, -1n), Atomics.sub(ulongs, 0, 1n), Atomics.and(longs, 0, 255n), Atomics.or(longs, 0, 256n), Atomics.exchange(longs, 0, 3n), Atomics.compareExchange(longs, 0, 3n, 4n), longs[0], ulongs[0]].map(String)',
  'indices that are refused':
    'const say = (work) => { try { work(); } catch (error) { return error.name + ": " + error.message; } }; return [say(() => Atomics.load(ints, 4)), say(() => Atomics.store(ints, -1, 0)), say(() => new Int32Array(buffer, 3)), say(() => { ints[0] = 1n; }), say(() => { longs[0] = 1; }), say(() => Atomics.load({}, 0)), say(() => new SharedArrayBuffer(-1))]',
  'wait and notify without a sleeper':
    'return [Atomics.wait(ints, 0, 99), Atomics.wait(ints, 0, 3, 0), Atomics.notify(ints, 0), Atomics.notify(ints, 0, 0), Atomics.isLockFree(4)]',
  'Object.keys and spread': 'return [Object.keys(ints), { ...ints }]',
};

describe('A thread alone finds the arrays and Atomics of JavaScript', () => {
  for (const [what, code] of Object.entries(SNIPPETS)) {
    it(what, async () => {
      const checked = await verdict(
        `${ARRAYS}export const threads = { one() { ${code} } };\nexport const observe = ({ one }) => one;`,
      );
      expect(checked.verdict).toBe('holds');
      const real: unknown = new Function(`${ARRAYS}${code}`)();
      expect(outcomeOf(checked)).toEqual(JSON.parse(JSON.stringify(real)));
    });
  }
});

describe('Two threads', () => {
  it('meet between any two of their operations', async () => {
    const { verdict: answer, violation } = await verdict(`
const counter = new Int32Array(new SharedArrayBuffer(4));
const increment = () => { Atomics.store(counter, 0, Atomics.load(counter, 0) + 1); };
export const threads = { left: increment, right: increment };
export const properties = { finally: { 'no increment is lost': () => counter[0] === 2 } };
`);
    expect(answer).toBe('violated');
    expect(violation).toMatchObject({ fault: 'finally', property: 'no increment is lost' });
  });

  it('have module variables of their own, as workers do', async () => {
    const { verdict: answer } = await verdict(`
const turn = new Int32Array(new SharedArrayBuffer(4));
let calls = 0;
const seen = [];
const step = () => { calls++; seen.push(Atomics.add(turn, 0, 1)); return [calls, seen.length]; };
export const threads = { left: step, right: step };
export const properties = { finally: { 'each counts its own': ({ left, right }) => left.join() === '1,1' && right.join() === '1,1' } };
`);
    expect(answer).toBe('holds');
  });

  it('begin with what the file has stored', async () => {
    const { outcomes } = await verdict(`
const longs = new BigUint64Array(new SharedArrayBuffer(16));
const ints = new Int32Array(new SharedArrayBuffer(4));
longs[1] = 0x1234_5678_9abc_def0n;
Atomics.store(ints, 0, -3);
export const threads = { one: () => [String(Atomics.load(longs, 1)), ints[0]] };
export const observe = ({ one }) => one;
`);
    expect(outcomes).toEqual([JSON.stringify([String(0x1234_5678_9abc_def0n), -3])]);
  });

  it('sleep and wake each other', async () => {
    const { verdict: answer, outcomes } = await verdict(`
const bell = new Int32Array(new SharedArrayBuffer(4));
export const threads = {
  sleeper: () => Atomics.wait(bell, 0, 0),
  waker() { Atomics.store(bell, 0, 1); return Atomics.notify(bell, 0); },
};
export const observe = ({ sleeper, waker }) => [sleeper, waker];
`);
    expect(answer).toBe('holds');
    expect(outcomes).toEqual(['["not-equal",0]', '["ok",1]']);
  });

  it('may wait no longer than they said', async () => {
    const { outcomes } = await verdict(`
const bell = new Int32Array(new SharedArrayBuffer(4));
export const threads = {
  sleeper: () => Atomics.wait(bell, 0, 0, 10),
  waker: () => Atomics.notify(bell, 0),
};
export const observe = ({ sleeper }) => sleeper;
`);
    expect(outcomes).toEqual(['"ok"', '"timed-out"']);
  });

  it('meet in the middle of a word that one sees whole', async () => {
    const { violation } = await verdict(`
const memory = new SharedArrayBuffer(8);
const long = new BigInt64Array(memory);
const halves = new Int32Array(memory);
export const threads = { whole() { Atomics.store(long, 0, -1n); }, half: () => halves[1] };
`);
    expect(violation).toMatchObject({ fault: 'data race' });
  });
});

describe('Words are called', () => {
  const named = async (text: string): Promise<string[]> => {
    const { words = [] } = await program(`${text}\nexport const threads = { one() {} };`);
    return words.map(({ name }) => name);
  };

  it('as their array and its constants', async () => {
    expect(
      await named(`const HEAD = 0, TAIL = 1;
const state = new Int32Array(new SharedArrayBuffer(12));
export const head = () => Atomics.load(state, HEAD);
export const tail = () => state[TAIL];`),
    ).toEqual(['state[HEAD]', 'state[TAIL]', 'state[2]']);
  });

  it('as their array alone if it has one element', async () => {
    expect(await named('export const lock = new Int32Array(new SharedArrayBuffer(4));')).toEqual([
      'lock',
    ]);
  });

  it('by way of objects', async () => {
    expect(
      await named(`class Ring { constructor() { this.state = new Int32Array(new SharedArrayBuffer(8)); } }
const ring = new Ring();
const locks = [new Int32Array(new SharedArrayBuffer(4))];`),
    ).toEqual(['ring.state[0]', 'ring.state[1]', 'locks[0]']);
  });

  it('after the narrowest array on them', async () => {
    expect(
      await named(`const memory = new SharedArrayBuffer(12);
const all = new Int32Array(memory);
const turn = new Int32Array(memory, 4, 1);`),
    ).toEqual(['all[0]', 'turn', 'all[2]']);
  });

  it('after the buffer if no variable leads to an array', async () => {
    expect(
      await named(`const memory = new SharedArrayBuffer(8);
export const view = () => new Int32Array(memory);`),
    ).toEqual(['shared[0]', 'shared[1]']);
  });

  it('as the file says, with values as it writes them', async () => {
    const { words } = await program(`const state = new BigUint64Array(new SharedArrayBuffer(16));
export const words = { top: [state, 1, (value) => 'node ' + value] };
export const threads = { one() {} };`);
    expect(words?.map(({ name, bytes, format }) => [name, bytes, format?.(-1, 0)])).toEqual([
      ['state[0]', 8, '4294967295'],
      ['top', 8, 'node 4294967295'],
    ]);
  });
});
