import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { files } from './check-file-program.ts';

const { program, put, verdict } = files();

const FLAG = `const flag = new Int32Array(new SharedArrayBuffer(8));
const raise = () => { Atomics.store(flag, 0, 1); };
`;
const BUDGET = { budget: { operations: 60 } };

/** Waits in a loop for a flag that another thread raises. */
const waiter = (code: string): string =>
  `${FLAG}export const threads = { raise, waiter() { ${code} } };`;

describe('A loop that waits is a state, not an endless history', () => {
  const WAITING = {
    'with nothing in it': 'while (Atomics.load(flag, 0) === 0);',
    'with constants of its own':
      'for (;;) { const seen = Atomics.load(flag, 0); if (seen === 0) continue; return seen; }',
    'with variables that live on':
      'let seen; let last = 0; do { last = seen; seen = Atomics.load(flag, 0); } while (seen === 0); return last;',
    'with a plain element': 'while (Atomics.load(flag, 0) === 0) flag[1] = 1;',
    'with a function of the file': 'const up = () => Atomics.load(flag, 0) === 1; while (!up());',
    'with a label':
      'outer: while (true) { while (true) { if (Atomics.load(flag, 0) === 1) break outer; else continue outer; } }',
    'as the branch of an if': 'if (true) while (Atomics.load(flag, 0) === 0); else return 1;',
    'inside another that waits':
      'do { while (Atomics.load(flag, 0) === 0); } while (Atomics.load(flag, 0) === 0);',
    'with a list that grows when it is over':
      'const seen = []; while (seen.length < 1) { const value = Atomics.load(flag, 0); if (value !== 0) seen.push(value); } return seen;',
    'with an object that is put back':
      'const own = { seen: 0 }; while (own.seen === 0) { own.seen = Atomics.load(flag, 0); } return own.seen;',
    'with Atomics.wait': 'while (Atomics.load(flag, 0) === 0) Atomics.wait(flag, 0, 0, 5);',
    'with an error in it':
      "while (Atomics.load(flag, 0) === 0) { if (flag[1] === 7) throw new Error('seven'); }",
    'with try and catch':
      'while (Atomics.load(flag, 0) === 0) { try { Atomics.load(flag, 1); } catch {} }',
  };
  for (const [how, code] of Object.entries(WAITING)) {
    it(how, async () => {
      expect(await verdict(waiter(code), BUDGET)).toMatchObject({ verdict: 'holds' });
    });
  }

  it('also in a function of another file, and in a class', async () => {
    put(
      'gate.js',
      'export class Gate { constructor(words) { this.words = words; } pass() { while (this.isShut()); } isShut() { return Atomics.load(this.words, 0) === 0; } }',
    );
    const text = `import { Gate } from './gate.js';\n${waiter('new Gate(flag).pass();')}`;
    expect(await verdict(text, BUDGET)).toMatchObject({ verdict: 'holds' });
  });

  it('and is named where it stands', async () => {
    const { assumptions } = await verdict(waiter('\nwhile (Atomics.load(flag, 0) === 0);'), BUDGET);
    expect(assumptions).toMatchObject([{ thread: 'waiter' }]);
    expect(assumptions[0]?.site).toMatch(/^at waiter \(.*file\.js:4:\d+\)$/);
  });
});

describe('A loop is never taken for a waiting one', () => {
  const COUNTING = {
    'if it counts': 'let turns = 0; while (Atomics.load(flag, 0) === 0) turns++; return turns;',
    'if it counts in a property':
      'const own = { turns: 0 }; while (Atomics.load(flag, 0) === 0) own.turns++; return own.turns;',
    'if it counts in a function':
      'let turns = 0; const up = () => { turns++; return Atomics.load(flag, 0); }; while (up() === 0); return turns;',
    'if it counts behind an accessor':
      'let turns = 0; const own = { get up() { turns++; return Atomics.load(flag, 0); } }; while (own.up === 0); return turns;',
    'if it counts in an array of its own':
      'const own = new Int32Array(1); while (Atomics.load(flag, 0) === 0) own[0]++; return own[0];',
    'if it counts in an array of its own, atomically':
      'const own = new Int32Array(1); while (Atomics.load(flag, 0) === 0) Atomics.add(own, 0, 1); return own[0];',
    'if it collects':
      'const all = []; while (Atomics.load(flag, 0) === 0) all.push(1); return all.length;',
    'if it collects under another name':
      'const all = []; while (Atomics.load(flag, 0) === 0) { const same = all; same.push(1); } return all.length;',
    'if it goes through an iterator':
      'const turns = (function* () { for (let turn = 0; ; turn++) yield turn; })(); while (Atomics.load(flag, 0) === 0) turns.next(); return turns.next().value;',
    'if a private field counts':
      'const own = new (class { #turns = 0; up() { this.#turns++; return Atomics.load(flag, 0); } get turns() { return this.#turns; } })(); while (own.up() === 0); return own.turns;',
    'if var carries a value over':
      'for (;;) { var turns = (turns ?? 0) + 1; if (Atomics.load(flag, 0) === 1) return turns; }',
    'if one name is two variables':
      'let turns = 0; while (Atomics.load(flag, 0) === 0) { turns++; { let turns = 1; turns++; } } return turns;',
    'if a module variable counts':
      'while (Atomics.load(flag, 0) === 0) moduleTurns++; return moduleTurns;',
  };
  for (const [when, code] of Object.entries(COUNTING)) {
    it(when, async () => {
      const text = `let moduleTurns = 0;\n${waiter(code)}`;
      // Each further turn is another history, so that no search ends: unless it takes turns for one another.
      expect(await verdict(text, BUDGET)).not.toMatchObject({ verdict: 'holds' });
    });
  }
});

describe('What loops say of themselves', () => {
  it('changes nothing that can happen', async () => {
    const text = `${FLAG}
const step = () => {
  const seen = [];
  for (let turn = 0; turn < 3; turn++) {
    const old = Atomics.load(flag, 0);
    if (Atomics.compareExchange(flag, 0, old, old + turn) === old) seen.push(old);
  }
  return seen.join();
};
export const threads = { left: step, right: () => step() };
export const observe = ({ left, right }) => [left, right];
`;
    const merged = check(await program(text));
    const apart = check(await program(text), { merge: false });
    expect(merged).toMatchObject({ verdict: 'holds', certificate: apart.certificate });
    expect(merged.outcomes).toEqual(apart.outcomes);
    expect(merged.outcomes.length).toBeGreaterThan(3);
  });
});
