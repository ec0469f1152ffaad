// CSV (RFC 4180): the figures as they are, not as the page rounds them. All figures of a report, or the rows of one breakdown.
import { figures, type Report } from '@faultline/trace';
import type { Breakdown } from './page.ts';

type Cell = string | number | undefined;
type Rows = readonly (readonly Cell[])[];

export const asCsv = (report: Report, by: Breakdown | undefined): string =>
  (by === undefined ? figureRows(report) : ROWS[by](report))
    .map((cells) => `${cells.map(cellText).join(',')}\r\n`)
    .join('');

const figureRows = (report: Report): Rows => [
  ['key', 'label', 'value', 'unit', 'better'],
  ...figures(report).map(({ key, label, value, unit, better }) => [
    key,
    label,
    value,
    unit,
    better,
  ]),
];

const LATENCY = ['p50', 'p99', 'p999', 'max', 'sum'] as const;

const ROWS: Readonly<Record<Breakdown, (report: Report) => Rows>> = {
  kind: ({ kinds }) => table(['kind', 'count', ...LATENCY], kinds),
  vcpu: ({ vcpus }) =>
    table(['vcpu', 'pid', 'task', 'faults', ...LATENCY, 'loggingStall', 'span'], vcpus),
  gfn: ({ ranges }) => table(['firstGfn', 'lastGfn', 'faults', 'fast', 'stall'], ranges),
  round: ({ rounds, vcpus }) => [
    [...ROUND, ...vcpus.map(({ vcpu, pid }) => `stall of vCPU ${vcpu} (${pid})`)],
    ...rounds.map((round) => [...ROUND.map((column) => round[column]), ...round.stall]),
  ],
};

const ROUND = ['round', 'phase', 'since', 'begin', 'end', 'dirtyPages'] as const;

const table = <Row, Column extends keyof Row & string>(
  columns: readonly Column[],
  rows: readonly (Row & Readonly<Record<Column, Cell>>)[],
): Rows => [columns, ...rows.map((row) => columns.map((column) => row[column]))];

function cellText(cell: Cell): string {
  if (cell === undefined || Number.isNaN(cell)) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
