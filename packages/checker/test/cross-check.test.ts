// The checker against the naive enumeration, on random programs: each search must find what plain exhaustion finds.
// CROSS_CHECK=20 draws twenty times as many of them.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { check } from '../src/check.ts';
import type { CheckOptions } from '../src/options.ts';
import type { MemoryModel, Program, Property } from '../src/program.ts';
import type { Search } from '../src/verdict.ts';
import { enumerate } from './naive.ts';
import {
  hasClaims,
  hex,
  isMet,
  type Random,
  randomMeeting,
  randomProgram,
  randomSymmetric,
} from './random-program.ts';
import { X, X_HIGH, Y } from './statements.ts';

const MORE = Number(process.env.CROSS_CHECK ?? 1);
vi.setConfig({ testTimeout: 60_000 * MORE });

/** Every search that must find everything; one that ignores claims, where there are any. */
function complete(random: Random, model: MemoryModel): CheckOptions[] {
  // Source-DPOR knows no store buffers.
  const searches: Search[] =
    model === 'sc' ? ['states', 'dpor', 'preemptions'] : ['states', 'preemptions'];
  const merges = hasClaims(random) ? [true, false] : [true];
  return searches.flatMap((search) =>
    merges.map((merge) => ({ search, model, merge, symmetry: false, minimize: false })),
  );
}

const addresses: Readonly<Record<string, string>> = {
  x: hex(X),
  'x+4': hex(X_HIGH),
  y: hex(Y),
  ram: 'ram[1]',
};

/** An end in words that both sides use: cells by address, none that is as at the beginning, then results. */
function canonical(end: string, initial: Random['initial']): string {
  const parts = end.split(' ');
  const cells = parts
    .filter((part) => part.includes('='))
    .map((part) => part.split('=') as [string, string])
    .map(([name, value]) => [addresses[name] ?? name, value] as const)
    .filter(([address, value]) => Number(value) !== (initial[address] ?? 0))
    .map(([address, value]) => `${address}=${value}`);
  return [...cells.sort(), ...parts.filter((part) => !part.includes('='))].join(' ');
}

const sayHow = ({ search, merge, model = 'sc' }: CheckOptions): string =>
  `${search}, ${model}, ${merge ? 'merged' : 'not merged'}`;

function expectSameEnds(random: Random, model: MemoryModel): void {
  const { program, initial } = random;
  const inOrder = (ends: readonly string[]): string[] =>
    [...new Set(ends.map((end) => canonical(end, initial)))].sort();
  const naive = enumerate(program, { model });
  const expected = { ends: inOrder(naive.ends), outcomes: naive.outcomes };
  for (const options of complete(random, model)) {
    const { violation, ends, outcomes } = check(program, options);
    if (naive.deadlock) {
      expect(violation?.fault, sayHow(options)).toMatch(/^(deadlock|lost wakeup)$/);
    } else {
      expect({ ends: inOrder(ends), outcomes }, sayHow(options)).toEqual(expected);
    }
  }
}

describe('Every complete search of a random program', () => {
  it.each<[MemoryModel, number]>([
    ['sc', 600],
    ['tso', 200],
  ])('finds under %s the ends, or the deadlock, that plain exhaustion finds', (model, runs) => {
    const property = fc.property(randomProgram({ model }), (random) =>
      expectSameEnds(random, model),
    );
    fc.assert(property, { numRuns: runs * MORE });
  });

  it('gives one certificate', () => {
    const property = fc.property(randomProgram(), (random) => {
      const verdicts = complete(random, 'sc').map((how) => check(random.program, how));
      fc.pre(verdicts.every(({ verdict }) => verdict === 'holds'));
      expect(new Set(verdicts.map(({ certificate }) => certificate)).size).toBe(1);
    });
    fc.assert(property, { numRuns: 100 * MORE });
  });
});

describe('Threads that are alike, taken for one another', () => {
  const how: readonly CheckOptions[] = [
    { search: 'states', symmetry: true },
    { search: 'preemptions', symmetry: true },
    { search: 'states', symmetry: true, merge: false },
  ];

  it('have the outcomes, or the deadlock, that plain exhaustion finds', () => {
    const property = fc.property(randomSymmetric(), ({ program }) => {
      const { deadlock, outcomes } = enumerate(program);
      for (const options of how) {
        const found = check(program, { ...options, minimize: false });
        expect(found.verdict, sayHow(options)).toBe(deadlock ? 'violated' : 'holds');
        if (!deadlock) expect(found.outcomes, sayHow(options)).toEqual(outcomes);
      }
    });
    fc.assert(property, { numRuns: 200 * MORE });
  });
});

describe.each<[MemoryModel, number]>([
  ['sc', 300],
  ['tso', 100],
])('A property of a random program under %s', (model, runs) => {
  const checked = (kind: 'always' | 'sometimes') =>
    fc.property(randomProgram({ model }), randomMeeting, (random, meeting) => {
      const danger: Property = (mem) => isMet(mem, meeting) === (kind === 'sometimes');
      const program: Program = { ...random.program, [kind]: { danger } };
      const { violated, met, deadlock } = enumerate(program, { model });
      fc.pre(!deadlock); // which of two faults a search meets first is its own affair
      const fails = kind === 'always' ? violated.size > 0 : met.size === 0;
      for (const options of complete(random, model)) {
        const { verdict, violation } = check(program, options);
        expect([verdict, violation?.fault], sayHow(options)).toEqual(
          fails ? ['violated', kind] : ['holds', undefined],
        );
      }
    });

  it('fails always, if it fails in a state that plain exhaustion meets', () => {
    fc.assert(checked('always'), { numRuns: runs * MORE });
  });

  it('holds sometimes, if it holds in a state that plain exhaustion meets', () => {
    fc.assert(checked('sometimes'), { numRuns: runs * MORE });
  });
});
