// What a prediction is made from: a trace, or a load that others have recorded. Which of them a file is, its text says.
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type Loads,
  RateLoad,
  type RecordedLoad,
  readRecordedLoad,
  readTrace,
  type TraceSummary,
  WorkingSet,
  type WriteHistory,
  WriteHistoryReader,
} from '@faultline/trace';
import { InputError } from '../exit.ts';
import type { Progress } from '../progress.ts';
import { count } from '../table.ts';

export interface LoadOptions {
  /** Bytes. */
  readonly pageSize: number;
  /** Bytes of the guest, where the input does not say, or not rightly. */
  readonly memory?: number | undefined;
}

/** What the input is, for those who read the prediction. */
export interface PredictInput {
  readonly name: string;
  readonly loads: Loads;
  /** Of a trace. */
  readonly history?: WriteHistory;
  readonly summary?: TraceSummary;
  /** Of anything else. */
  readonly recorded?: RecordedLoad;
}

const HUGE_PAGE = 2 ** 21;
const SMALL_PAGE = 4096;
/** Larger text is a trace: nobody asks a monitor a million times. */
const MOST_TEXT = 16 * 2 ** 20;

/** Throws a TraceError for what cannot be read, an InputError for what says nothing of dirty pages. */
export async function loadInput(
  file: string,
  options: LoadOptions,
  progress: Progress,
): Promise<PredictInput> {
  progress.show(`reading ${basename(file)}`);
  const recorded = await recordedLoad(file);
  return recorded === undefined ? fromTrace(file, options) : fromRecorded(file, recorded, options);
}

async function recordedLoad(file: string): Promise<RecordedLoad | undefined> {
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || !info.isFile() || info.size > MOST_TEXT) return undefined;
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const bytes = await handle.readFile();
    if (bytes.includes(0)) return undefined;
    const text = bytes.toString('utf8');
    return readRecordedLoad(file, text) ?? noTrace(file, text);
  } finally {
    await handle.close();
  }
}

/** Throws an InputError for JSON, which a trace never is. */
function noTrace(file: string, text: string): undefined {
  if (!/^\s*(\{|\[\s*[{\]])/.test(text)) return undefined;
  const expected = 'a trace, dirty rates that were measured, or migration statistics';
  throw new InputError(`${file}: expected ${expected}, got JSON without any`);
}

function fromRecorded(
  file: string,
  recorded: RecordedLoad,
  { memory = recorded.memory }: LoadOptions,
): PredictInput {
  if (memory === undefined) {
    throw new InputError(
      `${file}: expected the guest's memory, which a ${recorded.format} does not say: give --memory SIZE`,
    );
  }
  const { samples, pageSize } = recorded;
  const pages = new RateLoad(samples, Math.ceil(memory / pageSize), pageSize);
  return { name: basename(file), loads: { pages }, recorded };
}

async function fromTrace(file: string, { pageSize, memory }: LoadOptions): Promise<PredictInput> {
  const reader = new WriteHistoryReader();
  const summary = await readTrace(file, (event) => reader.add(event));
  const history = reader.end();
  if (history === undefined) {
    throw new InputError(
      `${file}: expected two harvests of the dirty log, got ${count(summary.decoded)} events that show none; ` +
        'take the trace while dirty pages are logged: during a migration, or a calc_dirty_rate -b of QEMU',
    );
  }
  const loads: Loads = {
    pages: new WorkingSet(history, { pageSize, memory }),
    hugePages: pageSize > SMALL_PAGE ? undefined : hugePages(history, memory),
  };
  const isMemoryKnown = history.isMemoryKnown || memory !== undefined;
  return {
    name: basename(file),
    loads,
    history: { ...history, isMemoryKnown },
    summary,
  };
}

const hugePages = (history: WriteHistory, memory: number | undefined): WorkingSet =>
  new WorkingSet(history, { pageSize: HUGE_PAGE, memory });
