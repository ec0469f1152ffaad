// Litmuses checked in worker threads: a job at a time for each worker, until no job is left.
import { Worker } from 'node:worker_threads';
import type { MemoryModel } from '@faultline/checker';
import type { Settings } from './check/settings.ts';
import type { Staged } from './check/stages.ts';

export interface CheckJob {
  /** Of a litmus: programs are functions, and each worker makes its own. */
  readonly name: string;
  readonly model: MemoryModel;
  readonly settings: Omit<Settings, 'model'>;
}

/** `error`: the search itself failed, and why. */
export type Checked = Staged | { readonly error: string };

export type FromWorker =
  | { readonly states: number; readonly executions: number }
  | { readonly checked: Checked };

/** `done` comes once for each job, in no order; `going` now and then. */
export interface Listener {
  done(index: number, checked: Checked): void;
  going?(index: number, states: number): void;
}

/** Beside this file: vitest looks for it there. */
const workerFile = new URL('./check-worker.js', import.meta.url);

export async function checkInWorkers(
  jobs: readonly CheckJob[],
  workers: number,
  listener: Listener,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    let worker: Worker | undefined;
    for (let index = next++; index < jobs.length; index = next++) {
      worker ??= new Worker(workerFile);
      const { checked, died } = await ask(worker, jobs[index] as CheckJob, (states) =>
        listener.going?.(index, states),
      );
      if (died) worker = undefined;
      listener.done(index, checked);
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
}

/** A worker that dies (of want of memory, say) takes its job with it, and no other. */
function ask(
  worker: Worker,
  job: CheckJob,
  going: (states: number) => void,
): Promise<{ checked: Checked; died: boolean }> {
  return new Promise((resolve) => {
    const hear = (message: FromWorker): void => {
      if ('checked' in message) end(message.checked, false);
      else going(message.states);
    };
    const failed = (error: unknown): void => end({ error: String(error) }, true);
    const left = (code: number): void => failed(`its worker ended with code ${code}`);
    const end = (checked: Checked, died: boolean): void => {
      worker.off('message', hear).off('error', failed).off('exit', left);
      resolve({ checked, died });
    };
    worker.on('message', hear).on('error', failed).on('exit', left);
    worker.postMessage(job);
  });
}
