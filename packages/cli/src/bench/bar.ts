// Figures of a benchmark as lines: what was measured, what it is held to, and whether it holds.
import { formatTable, type Row } from '../table.ts';

/** One figure that somebody may hold us to. `bar` is the most, or with `atLeast` the least, that it should be. */
export interface Bar {
  readonly name: string;
  readonly value: number | undefined;
  readonly bar?: number;
  readonly atLeast?: true;
  readonly detail: string;
}

/** A line for each; no verdict on what could not be measured. */
export function formatBars(bars: readonly Bar[]): string {
  const rows = bars.map(({ name, value, bar, atLeast, detail }): Row => {
    const limit = bar === undefined ? '' : `${atLeast ? '>=' : '<='} ${bar}`;
    return {
      name,
      cells: [
        isMeasured(value) ? value.toFixed(2) : '-',
        limit,
        verdict(value, bar, atLeast),
        ` ${detail}`,
      ],
    };
  });
  return formatTable(['ratio', 'bar', '', ''], rows, { leftAligned: [3] });
}

function verdict(value: number | undefined, bar: number | undefined, atLeast?: true): string {
  if (!isMeasured(value) || bar === undefined) return '';
  return (atLeast ? value >= bar : value <= bar) ? 'met' : 'MISSED';
}

const isMeasured = (value: number | undefined): value is number =>
  value !== undefined && !Number.isNaN(value);
