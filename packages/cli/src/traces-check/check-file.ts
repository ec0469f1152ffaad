// One trace against the index, and one trace.dat against the text of the same trace.
import { gaps, isDamaged } from '@faultline/trace';
import { count } from '../table.ts';
import { type Compared, compare } from './compare.ts';
import { type Counted, readCounted, readingOf } from './counted.ts';
import { countEventLines } from './event-lines.ts';
import type { IndexRow } from './index-file.ts';

export interface FileCheck {
  readonly ok: boolean;
  /** First a sentence, then what there is to say. */
  readonly lines: readonly string[];
  readonly counted: Counted;
}

/** Every count equal to the index's. `row` is undefined for a file that the index does not name. */
export async function checkText(path: string, row: IndexRow | undefined): Promise<FileCheck> {
  const counted = await readCounted(readingOf(path));
  const { summary, counts } = counted;
  // The index counts lines; damaged text may have several events in one.
  const more = summary.events - (await countEventLines(path));
  const seen = new Map(counts).set('events', summary.events - more);
  const wrong = [...(row ?? [])].filter(([name, n]) => (seen.get(name) ?? 0) !== n);
  const ok = wrong.length === 0 && (more === 0 || isDamaged(summary));
  const verdict =
    row === undefined ? 'not in the index' : ok ? indexed(row) : 'NOT as the index says';
  return {
    ok,
    counted,
    lines: [
      `${count(summary.events)} events, ${verdict}`,
      ...wrong.map(([name, n]) => `  ${name}: ${seen.get(name) ?? 0}, in the index ${n}`),
      ...(more === 0 ? [] : [`  ${count(more)} of them run into the line of another`]),
      ...gaps(summary).map((gap) => `  ${gap}`),
    ],
  };
}

const indexed = (row: IndexRow): string => `all ${row.size} counts as in the index`;

/** Every event equal to the text's, in the same order. */
export async function checkDat(path: string, text: Counted): Promise<FileCheck> {
  const counted = await readCounted(readingOf(path));
  const its: Compared = { name: 'text', read: readingOf(text.summary.file), counted: text };
  const { ok, lines } = await compare({ name: 'dat', read: readingOf(path), counted }, its);
  const said = gaps(counted.summary).map((gap) => `  ${gap}`);
  return { ok, counted, lines: [...lines, ...said] };
}
