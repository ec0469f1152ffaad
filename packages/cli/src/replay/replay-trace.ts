// A trace file, replayed.
import { basename } from 'node:path';
import { Recorder, readTrace, replay, type TraceSummary, type Verdicts } from '@faultline/trace';
import { InputError } from '../exit.ts';
import type { Progress } from '../progress.ts';

export interface ReplayedTrace {
  readonly name: string;
  readonly summary: TraceSummary;
  /** Events that the replay used. */
  readonly used: number;
  /** Undefined when there is no MMU here that could replay it: then `refused` says why. */
  readonly verdicts: Verdicts | undefined;
  readonly refused: string | undefined;
  readonly ms: number;
}

/** Throws a TraceError, or, unless `many` are replayed, an InputError for a trace that cannot be. */
export async function replayTrace(
  file: string,
  progress: Progress,
  many: boolean,
): Promise<ReplayedTrace> {
  const name = basename(file);
  const begun = performance.now();
  progress.show(`reading ${name}`);
  const recorder = new Recorder();
  const summary = await readTrace(file, (event) => recorder.add(event));
  const recording = recorder.end();
  progress.show(`replaying ${name}`);
  const read = { name, summary, used: recording.events.length };
  const ended = () => performance.now() - begun;
  try {
    return { ...read, verdicts: replay(recording), refused: undefined, ms: ended() };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (!many) throw new InputError(`${file}: ${error.message}`);
    return { ...read, verdicts: undefined, refused: error.message, ms: ended() };
  }
}
