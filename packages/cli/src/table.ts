// Aligned text that fits a mail: a column of names, then columns of figures.

export interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

export interface TableOptions {
  /** Columns of words, by index; all others are aligned on the right. */
  readonly leftAligned?: readonly number[];
}

/** A line for the heads and one for each row. */
export function formatTable(
  head: readonly string[],
  rows: readonly Row[],
  { leftAligned = [] }: TableOptions = {},
): string {
  const names = Math.max(...rows.map(({ name }) => name.length), 0) + 2;
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => (cells[column] ?? '').length)),
  );
  const pad = (text: string, column: number): string =>
    leftAligned.includes(column)
      ? text.padEnd(widths[column] ?? 0)
      : text.padStart(widths[column] ?? 0);
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(names)}${widths.map((_, column) => pad(cells[column] ?? '', column)).join('  ')}`.trimEnd();
  return [line('', head), ...rows.map(({ name, cells }) => line(name, cells))].join('\n');
}

/** `14,368`: whole numbers, in groups. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');
/** Three significant figures or so, without an exponent. */
export const figure = (value: number): string => {
  if (value >= 100) return count(value);
  return value.toFixed(value >= 10 ? 1 : 2);
};
export const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
/** Nanoseconds with a unit that keeps the number short. */
export function nanoseconds(ns: number): string {
  if (ns < 10_000) return `${figure(ns)} ns`;
  if (ns < 10_000_000) return `${figure(ns / 1000)} us`;
  return `${figure(ns / 1e6)} ms`;
}
