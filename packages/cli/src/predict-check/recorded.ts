// The model against migrations that a kernel recorded. Their VMM harvested by a timer, not when the last round was sent, so
// neither their number of rounds nor their end says anything; how many pages each round had does. Each is predicted from
// the rounds before it, for the time that it took; and so are the pages of three rounds, as one long round would have had them.
import { basename } from 'node:path';
import {
  GfnSet,
  readTrace,
  WorkingSet,
  WriteHistoryReader,
  type WriteWindow,
} from '@faultline/trace';
import { InputError } from '../exit.ts';

export interface Compared {
  /** Pages. */
  readonly predicted: number;
  readonly actual: number;
  /** What a constant rate would predict: the mean of the rounds before. */
  readonly constant: number;
}

export interface RecordedResult {
  readonly name: string;
  readonly log: string;
  readonly single: readonly Compared[];
  /** Three rounds as one. */
  readonly triple: readonly Compared[];
}

/** Rounds that have been seen before the first prediction. */
const LEAST_SEEN = 2;
/** Shorter ones are accidents of a full ring. Seconds. */
const LEAST_SECONDS = 0.01;
/** Of the model's windows, from which a prediction is a mean. */
const ASKED = 16;

/** Throws an InputError for a trace with too few rounds. */
export async function checkRecorded(file: string): Promise<RecordedResult> {
  const reader = new WriteHistoryReader();
  await readTrace(file, (event) => reader.add(event));
  const history = reader.end();
  const all = history?.windows ?? [];
  const windows = all.filter(({ isLast, seconds }) => !isLast && seconds >= LEAST_SECONDS);
  if (history === undefined || windows.length <= LEAST_SEEN) {
    throw new InputError(
      `${file}: expected more than ${LEAST_SEEN} harvests, got ${windows.length}`,
    );
  }
  const { memoryPages, log = 'unknown' } = history;
  const single = comparisons(windows, memoryPages, 1);
  const triple = comparisons(windows, memoryPages, 3);
  return { name: basename(file), log, single, triple };
}

function comparisons(
  windows: readonly WriteWindow[],
  memoryPages: number,
  length: number,
): Compared[] {
  const result: Compared[] = [];
  for (let first = LEAST_SEEN; first + length <= windows.length; first++) {
    const seen = windows.slice(0, first);
    const span = windows.slice(first, first + length);
    if (span.some(({ migration }) => migration !== span[0]?.migration)) continue;
    const seconds = span.reduce((sum, window) => sum + window.seconds, 0);
    const pages = new GfnSet();
    for (const { gfns } of span) pages.addAll(gfns);
    if (pages.size === 0) continue;
    result.push({
      predicted: meanOf(seen, memoryPages, seconds),
      actual: pages.size,
      constant: seconds * rateOf(seen),
    });
  }
  return result;
}

function meanOf(windows: readonly WriteWindow[], memoryPages: number, seconds: number): number {
  const load = new WorkingSet({ windows, memoryPages });
  let sum = 0;
  for (let asked = 0; asked < ASKED; asked++) {
    sum += load.written(seconds, ((asked + 0.5) / ASKED) * load.watchedSeconds);
  }
  return sum / ASKED;
}

const rateOf = (windows: readonly WriteWindow[]): number =>
  windows.reduce((sum, { gfns }) => sum + gfns.length, 0) /
  windows.reduce((sum, { seconds }) => sum + seconds, 0);
