// What is found in a built file, and what becomes of it: a file of ours in small, built by TypeScript.
import type { SourceMapPayload } from 'node:module';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { outline, without } from '../src/mutate/outline.ts';

const SOURCE = `
const BIT: number = 1;

export function mends(mem: Mem, word: number, slot?: Slot): Result {
  if (slot === undefined || !isLogged(slot)) return NOTHING;
  if (mem.emit !== undefined) tells(mem);
  if ((word & BIT) !== 0 &&
      !mem.cmpxchg32(word, 0, 1)) {
    return NOTHING;
  }
  if (word > 3) throw new RangeError('expected less');
  if (word > 1 && word < 3) stat.taken++;
  if (word === 2) slot.first(); else slot.second();
  return slot.take((n: number): boolean => n >= 0 && n < word) ? A || B : C;
}
`;

const built = ts.transpileModule(SOURCE, {
  compilerOptions: {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    sourceMap: true,
    inlineSources: true,
  },
});
const map = JSON.parse(built.sourceMapText ?? '') as SourceMapPayload;
const { conditions, calls } = outline(built.outputText, map);

describe('the outline of a built file', () => {
  it('has its guards and the sides of its conditions, as the source says them and where', () => {
    expect(conditions.map(({ kind, text, line }) => `${line} ${kind} ${text}`)).toEqual([
      '5 unguard slot === undefined || !isLogged(slot)',
      '5 drop slot === undefined',
      '5 drop !isLogged(slot)',
      '7 unguard (word & BIT) !== 0 && !mem.cmpxchg32(word, 0, 1)',
      '7 drop (word & BIT) !== 0',
      '8 drop !mem.cmpxchg32(word, 0, 1)',
      '14 drop n >= 0',
      '14 drop n < word',
      '14 drop A',
      '14 drop B',
    ]);
  });

  it('leaves out what is for listeners, refuses bad input, counts, or has another branch', () => {
    const lines = conditions.map(({ line }) => line);
    expect(lines).not.toContain(6);
    expect(lines).not.toContain(11);
    expect(lines).not.toContain(12);
    expect(lines).not.toContain(13);
  });

  it('names the innermost function that has a name', () => {
    expect(new Set(conditions.map((one) => one.function))).toEqual(new Set(['mends']));
  });

  it('has the calls of methods', () => {
    expect(calls.map(({ verb, line }) => `${line} ${verb}`)).toEqual([
      '8 cmpxchg32',
      '13 first',
      '13 second',
      '14 take',
    ]);
  });
});

describe('a condition that is not heeded', () => {
  const changed = (text: string): string => {
    const condition = conditions.find((one) => one.text === text);
    if (condition === undefined) throw new Error(`expected a condition, got none for ${text}`);
    return without(built.outputText, condition);
  };

  it('is asked as before, and the guard is never true', () => {
    expect(changed('slot === undefined || !isLogged(slot)')).toContain(
      'if (((slot === undefined || !isLogged(slot)), false))',
    );
  });

  it('is true beside an &&, and false beside an ||', () => {
    expect(changed('n < word')).toContain('n >= 0 && ((n < word), true)');
    expect(changed('slot === undefined')).toContain('((slot === undefined), false) ||');
  });

  it('leaves all lines where they are', () => {
    const lines = (text: string): number => text.split('\n').length;
    for (const { text } of conditions) expect(lines(changed(text))).toBe(lines(built.outputText));
  });
});
