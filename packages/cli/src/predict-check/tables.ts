// Predicted beside actual.
import { formatBandwidth, formatSeconds } from '../quantity.ts';
import { count, figure, formatTable, type Row } from '../table.ts';
import type { MachineResult } from './machine.ts';
import type { Compared, RecordedResult } from './recorded.ts';

/** Mean of the relative errors, of the model and of a constant rate. */
export function recordedTable(results: readonly RecordedResult[]): string {
  return formatTable(
    ['log', 'rounds', 'sum of pages', 'mean', 'at a rate', 'three: mean', 'at a rate'],
    results.map(({ name, log, single, triple }): Row => {
      const predicted = sum(single.map((each) => each.predicted));
      const actual = sum(single.map((each) => each.actual));
      return {
        name: name.replace('.txt.gz', ''),
        cells: [
          log,
          count(single.length),
          signed(predicted / actual - 1),
          meanError(single, 'predicted'),
          meanError(single, 'constant'),
          meanError(triple, 'predicted'),
          meanError(triple, 'constant'),
        ],
      };
    }),
    { leftAligned: [0] },
  );
}

function meanError(compared: readonly Compared[], by: 'predicted' | 'constant'): string {
  if (compared.length === 0) return '-';
  const errors = compared.map((each) => Math.abs(each[by] / each.actual - 1));
  return percent(sum(errors) / errors.length);
}

/** `predicted : actual` */
export function machineTable(results: readonly MachineResult[]): string {
  return formatTable(
    [
      'writes/s',
      'MiB/s, asked : got',
      'rounds',
      'total',
      'error',
      'at what it got',
      'downtime',
      'at what it got',
    ],
    results.map((result): Row => {
      const { of } = result;
      return {
        name: of.pattern + (of.autoConverge ? ', throttled' : ''),
        cells: [count(of.writesPerSecond), bandwidths(result), ...compared(result)],
      };
    }),
  );
}

function compared({ prediction: { run }, atWhatItGot, actual }: MachineResult): string[] {
  if (actual === undefined || !run.converges) {
    const verdict = (converges: boolean): string => (converges ? 'converges' : 'never');
    return ['', `${verdict(run.converges)} : ${verdict(actual !== undefined)}`];
  }
  const total = actual['total-time'] / 1000;
  const knowing = atWhatItGot?.run;
  return [
    `${run.rounds.length} : ${actual.rounds.length - 1}`,
    `${formatSeconds(run.totalS)} : ${formatSeconds(total)}`,
    signed(run.totalS / total - 1),
    knowing === undefined ? '-' : signed(knowing.totalS / total - 1),
    `${formatSeconds(run.downtimeMs / 1000)} : ${formatSeconds(actual.downtime / 1000)}`,
    knowing === undefined ? '-' : formatSeconds(knowing.downtimeMs / 1000),
  ];
}

const bandwidths = ({ of, got }: MachineResult): string =>
  `${figure(of.bandwidth / MIB)} : ${got === undefined ? '-' : figure(got / MIB)}`;

const MOST_ROUNDS = 6;

/** Pages of each round, `predicted : actual`. */
export function roundsTable(results: readonly MachineResult[]): string {
  const converged = results.filter(({ actual }) => actual !== undefined);
  return formatTable(
    Array.from({ length: MOST_ROUNDS }, (_, round) => `round ${round + 1}`),
    converged.map(({ of, prediction, actual }): Row => {
      const predicted = prediction.run.rounds.slice(0, MOST_ROUNDS);
      const cells = predicted.map(({ pages }, i) => {
        const got = actual?.rounds[i];
        return `${count(pages)} : ${got === undefined ? '-' : count(got)}`;
      });
      return { name: `${of.pattern}, ${formatBandwidth(of.bandwidth)}`, cells };
    }),
  );
}

const MIB = 2 ** 20;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const signed = (part: number): string => `${part < 0 ? '-' : '+'}${percent(Math.abs(part))}`;
