// Aligned text that fits a mail: a column of names, then columns of figures.

export interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

/** Lines of at most `width` characters where the cells allow it; figures are aligned on the right. */
export function formatTable(head: readonly string[], rows: readonly Row[]): string {
  const names = Math.max(...rows.map(({ name }) => name.length), 0) + 2;
  const columns = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => (cells[column] ?? '').length)),
  );
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(names)}${columns.map((wide, column) => (cells[column] ?? '').padStart(wide)).join('  ')}`.trimEnd();
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
