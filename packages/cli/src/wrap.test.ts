import { describe, expect, it } from 'vitest';
import { wrap } from './wrap.ts';

describe('a paragraph', () => {
  it('is broken at spaces so that it fits 80 columns', () => {
    const lines = wrap('word '.repeat(40)).split('\n');
    expect(lines.map(({ length }) => length)).toEqual([79, 79, 39]);
  });

  it('begins with its indent, and goes on after its hang', () => {
    const [first, second] = wrap('word '.repeat(20), '- ', '  ').split('\n');
    expect([first?.slice(0, 6), second?.slice(0, 6)]).toEqual(['- word', '  word']);
  });

  it('keeps a word whole that is longer than a line', () => {
    const link = `https://${'x'.repeat(90)}`;
    expect(wrap(`see ${link} there`)).toBe(`see\n${link}\nthere`);
  });

  it('may be empty', () => {
    expect(wrap(' ')).toBe('');
  });
});
