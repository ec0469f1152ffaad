// Faults by kind: how many, how long, and what to do about each kind.
import { EXACT_BELOW, FAULT_KINDS, QUANTILE_ERROR, type Report } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, inTicks, millions, plural, share, stallHead } from '../units.ts';

export function faults({ kinds, faults: all, timed, unit }: Report): Section {
  const without = all === timed ? '' : `; ${count(all - timed)} have none in the trace`;
  return {
    title: `Faults by kind: ${plural(all, 'fault')}, times from exit to re-entry${without}`,
    table: {
      head: ['count', 'share', `p50${inTicks(unit)}`, 'p99', 'p99.9', stallHead(unit)],
      rows: kinds.map(({ kind, ...row }) => ({
        name: FAULT_KINDS[kind].label,
        cells: [
          count(row.count),
          share(row.count, all),
          duration(row.p50, unit),
          duration(row.p99, unit),
          duration(row.p999, unit),
          millions(row.sum),
        ],
      })),
    },
    soWhat: kinds.map(({ kind }) => {
      const { label, soWhat } = FAULT_KINDS[kind];
      return { of: label, text: soWhat };
    }),
    ...(timed > 0 ? { sentences: [quantileWords(kinds)] } : {}),
  };
}

/** Few durations are kept as they are. */
const quantileWords = (kinds: Report['kinds']): string =>
  kinds.some((row) => row.count >= EXACT_BELOW)
    ? `p50, p99, p99.9 are exact below ${count(EXACT_BELOW)} faults, else within ${(100 * QUANTILE_ERROR).toFixed(1)} %`
    : 'p50, p99, p99.9 are exact';
