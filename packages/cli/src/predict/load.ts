// What a prediction is made from: a trace, or a load that others have recorded. Which of them a file is, its text says.
import {
  type Loads,
  RateLoad,
  type RecordedLoad,
  readRecordedLoad,
  readTrace,
  TraceError,
  type TraceSummary,
  WorkingSet,
  type WriteHistory,
  WriteHistoryReader,
} from '@faultline/trace';
import { InputError } from '../exit.ts';
import type { Progress } from '../progress.ts';
import { count } from '../table.ts';
import { type Opened, openInput } from './open-input.ts';

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
const KINDS = "a trace, dirty rates that were measured, or a migration's log";

/** `-`: standard input. Throws a TraceError for what cannot be read, an InputError for what says nothing of dirty pages. */
export async function loadInput(
  file: string,
  options: LoadOptions,
  progress: Progress,
): Promise<PredictInput> {
  const input = await openInput(file);
  progress.show(`reading ${input.name}`);
  const { text } = input;
  if (text === undefined) return fromTrace(input, options);
  const recorded = readRecordedLoad(input.file, text);
  if (recorded !== undefined) return fromRecorded(input, recorded, options);
  expectTrace(input.file, text);
  try {
    return await fromTrace(input, options);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new InputError(
      `${input.file}: expected ${KINDS}, got none; as a trace: ${error.message}`,
    );
  }
}

/** Throws an InputError for nothing, and for JSON, which a trace never is. */
function expectTrace(file: string, text: string): void {
  const isJson = /^\s*(\{|\[\s*[{\]])/.test(text);
  if (!isJson && text.trim() !== '') return;
  throw new InputError(
    `${file}: expected ${KINDS}, got ${isJson ? 'JSON without any' : 'an empty text'}`,
  );
}

function fromRecorded(
  { file, name }: Opened,
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
  return { name, loads: { pages }, recorded };
}

async function fromTrace(
  { file, name, trace }: Opened,
  { pageSize, memory }: LoadOptions,
): Promise<PredictInput> {
  const reader = new WriteHistoryReader();
  const summary = await readTrace(trace, (event) => reader.add(event));
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
    name,
    loads,
    history: { ...history, isMemoryKnown },
    summary,
  };
}

const hugePages = (history: WriteHistory, memory: number | undefined): WorkingSet =>
  new WorkingSet(history, { pageSize: HUGE_PAGE, memory });
