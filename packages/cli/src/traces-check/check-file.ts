// One trace against the index, and one trace.dat against the text of the same trace.
import { gaps, isDamaged, readTrace } from '@faultline/trace';
import { count } from '../table.ts';
import { type Counted, canonical, readCounted } from './counted.ts';
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
  const counted = await readCounted(path);
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
  const counted = await readCounted(path);
  const { fingerprints, summary } = counted;
  const at = firstDifference(fingerprints, text.fingerprints);
  const events = `${count(summary.events)} events`;
  const said = gaps(summary).map((gap) => `  ${gap}`);
  if (at === undefined) {
    return { ok: true, counted, lines: [`${events}, each equal to the text's`, ...said] };
  }
  const [mine, its] = [await eventAt(path, at), await eventAt(text.summary.file, at)];
  const lines = [`${events}, DIFFERENT from event ${at + 1} on`, `  dat  ${mine}`, `  text ${its}`];
  return { ok: false, counted, lines: [...lines, ...said] };
}

/** Index of an event, or undefined. */
function firstDifference(some: Int32Array, others: Int32Array): number | undefined {
  const length = Math.max(some.length, others.length);
  for (let i = 0; i < length; i++) if (some[i] !== others[i]) return i >> 1;
  return undefined;
}

async function eventAt(path: string, wanted: number): Promise<string> {
  let n = 0;
  let found = '(no such event)';
  await readTrace(path, (event) => {
    if (n++ === wanted) found = canonical(event);
  });
  return found;
}
