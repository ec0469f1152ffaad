// Who saw whose write. In: rows in time; out: pairs of rows, the writer's and the reader's, of different threads.
import type { Row } from './rows.ts';

export interface Arrow {
  readonly from: number;
  readonly to: number;
}

/** A row that both reads and writes a word saw what was there before. */
export function arrowsOf(rows: readonly Row[]): readonly Arrow[] {
  const writers = new Map<string, number>();
  return rows.flatMap(({ thread, reads, writes }, to) => {
    const seen = new Set(reads.map((name) => writers.get(name)));
    for (const name of writes) writers.set(name, to);
    return [...seen].flatMap((from) =>
      from === undefined || rows[from]?.thread === thread ? [] : [{ from, to }],
    );
  });
}
