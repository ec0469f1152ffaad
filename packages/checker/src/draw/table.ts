// The rows as a table of text. In: a drawing and a width; out: lines. Up to four threads stand side by side; more do not
// fit: then a line per row, with the thread's name in front.
import { type Drawing, OOPS } from './drawing.ts';
import { cell, fitWidths, naturalWidth, neededWidth, wrap } from './layout.ts';
import type { Row } from './rows.ts';

const COLUMNS_AT_MOST = 4;
const BAR = ' | ';
const GAP = '  ';

export function tableLines(drawing: Drawing, width: number): readonly string[] {
  if (drawing.rows.length === 0) return [];
  return drawing.threads.length > COLUMNS_AT_MOST
    ? listed(drawing, width)
    : sideBySide(drawing, width);
}

/** Room for the rows' numbers. */
const gutterOf = ({ rows }: Drawing): number => String(rows.length).length + 1;

function sideBySide(drawing: Drawing, width: number): readonly string[] {
  const { threads, rows, oopsAt } = drawing;
  const gutter = gutterOf(drawing);
  const bars = BAR.length * (threads.length - 1);
  const widths = fitWidths(
    columnsOf(drawing, neededWidth),
    columnsOf(drawing, naturalWidth),
    width - gutter - bars,
  );
  const line = (label: string, cells: Cells): readonly string[] =>
    lineUp(label.padStart(gutter - 1), cells, widths, BAR);
  const before = widths.slice(0, oopsAt).reduce((sum, column) => sum + column + BAR.length, gutter);
  return [
    ...line(
      '',
      threads.map((name, thread) => wrap(name, widths[thread] ?? 0)),
    ),
    ...rows.flatMap((row, index) => {
      const lines = cell(row, widths[row.thread] ?? 0);
      return line(
        `${index + 1}`,
        threads.map((_, thread) => (thread === row.thread ? lines : [])),
      );
    }),
    ' '.repeat(before) + OOPS,
  ];
}

/** The widest of each column, by `widthOf`. */
const columnsOf = ({ threads, rows }: Drawing, widthOf: (row: Row) => number): readonly number[] =>
  threads.map((name, thread) => {
    const own = rows.filter((row) => row.thread === thread);
    return Math.max(OOPS.length, name.length, ...own.map(widthOf));
  });

function listed(drawing: Drawing, width: number): readonly string[] {
  const { threads, rows } = drawing;
  const gutter = gutterOf(drawing);
  const longest = Math.max(...threads.map(({ length }) => length));
  const names = Math.min(longest, Math.floor(width / 4));
  const rest = width - gutter - names - GAP.length;
  const texts = Math.min(rest, Math.max(...rows.map(naturalWidth)));
  const lines = rows.flatMap((row, index) => {
    const cells = [wrap(threads[row.thread] ?? '', names), cell(row, texts)];
    return lineUp(`${index + 1}`.padStart(gutter - 1), cells, [names, texts], GAP);
  });
  return [...lines, ' '.repeat(gutter + names + GAP.length) + OOPS];
}

/** Lines of each cell. */
type Cells = readonly (readonly string[])[];

/** Cells side by side, as many lines as the tallest has. */
function lineUp(
  label: string,
  cells: Cells,
  widths: readonly number[],
  between: string,
): readonly string[] {
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, y) => {
    const columns = cells.map((lines, column) => (lines[y] ?? '').padEnd(widths[column] ?? 0));
    const head = y === 0 ? label : ' '.repeat(label.length);
    return `${head} ${columns.join(between)}`.trimEnd();
  });
}
