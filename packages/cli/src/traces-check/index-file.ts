// INDEX.tsv beside a folder of traces: what whoever took them counted in each. Every name that is the name of an event is
// compared, in a column of its own or as `name=count` in the column `other`.
import { readFileSync } from 'node:fs';
import { InputError } from '../exit.ts';

/** Counts by name, as `countsOf` names them. */
export type IndexRow = ReadonlyMap<string, number>;

const COLUMNS: Readonly<Record<string, string>> = {
  events: 'events',
  fpf_fixed: 'fast_page_fault fixed',
  fpf_spurious: 'fast_page_fault spurious',
  fpf_neither: 'fast_page_fault neither',
  set_spte: 'kvm_mmu_set_spte',
  tdp_spte_changed: 'kvm_tdp_mmu_spte_changed',
  kvm_page_fault: 'kvm_page_fault',
};

/** Rows by the file's name. */
export function readIndex(path: string): Map<string, IndexRow> {
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const columns = head.split('\t');
  if (columns[0] !== 'file') throw new InputError(`${path}:1: expected a head that begins "file"`);
  return new Map(
    lines.map((line, n) => {
      const cells = line.split('\t');
      const [file] = cells;
      if (file === undefined || cells.length !== columns.length) {
        throw new InputError(`${path}:${n + 2}: expected ${columns.length} columns`);
      }
      return [file, rowOf(columns, cells)];
    }),
  );
}

function rowOf(columns: readonly string[], cells: readonly string[]): IndexRow {
  const row = new Map<string, number>();
  columns.forEach((column, n) => {
    const name = COLUMNS[column];
    if (name !== undefined) row.set(name, Number(cells[n]));
    if (column !== 'other') return;
    for (const [, event = '', count] of (cells[n] ?? '').matchAll(/(\w+)=(\d+)/g)) {
      row.set(event, Number(count));
    }
  });
  return row;
}
