import { describe, expect, it } from 'vitest';
import { count, figure, formatTable, nanoseconds, percent } from './table.ts';

describe('a table', () => {
  it('has a line for the heads and one for each row', () => {
    const rows = [
      { name: 'faults', cells: ['1,234', '5'] },
      { name: '  fast', cells: ['0', '12'] },
    ];
    expect(formatTable(['slow', 'current'], rows)).toBe(
      ['         slow  current', 'faults  1,234        5', '  fast      0       12'].join('\n'),
    );
  });

  it('leaves room for an empty cell', () => {
    const rows = [{ name: 'a', cells: ['', '7'] }];
    expect(formatTable(['kernel', 'slow'], rows).split('\n')[1]).toBe('a             7');
  });

  it('has no blanks at the ends of its lines', () => {
    const table = formatTable(['x', 'y'], [{ name: 'a', cells: ['1'] }]);
    expect(table).not.toMatch(/ $/m);
  });

  it('aligns columns of words on the left', () => {
    const rows = [
      { name: 'a', cells: ['1', 'met'] },
      { name: 'b', cells: ['22', 'MISSED'] },
    ];
    const table = formatTable(['', ''], rows, { leftAligned: [1] });
    expect(table.split('\n').slice(1)).toEqual(['a   1  met', 'b  22  MISSED']);
  });
});

describe('figures in a table', () => {
  it.each([
    [0, '0'],
    [14_368, '14,368'],
    [1_234_567.6, '1,234,568'],
  ])('%d is a whole number in groups', (value, text) => {
    expect(count(value)).toBe(text);
  });

  it.each([
    [0, '0.00'],
    [0.054, '0.05'],
    [8.176, '8.18'],
    [23.74, '23.7'],
    [1234.5, '1,235'],
  ])('%d has about three significant figures', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  it.each([
    [39, '39.0 ns'],
    [9_119, '9,119 ns'],
    [11_300, '11.3 us'],
    [8_192_000, '8,192 us'],
    [19_300_000, '19.3 ms'],
    [2e10, '20,000 ms'],
  ])('%d nanoseconds have a unit that keeps them short', (ns, text) => {
    expect(nanoseconds(ns)).toBe(text);
  });

  it.each([
    [1, 2, '50.0 %'],
    [0, 7, '0.0 %'],
    [0, 0, '-'],
  ])('%d of %d is a share, of nothing none', (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });
});
