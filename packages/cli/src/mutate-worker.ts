// A worker that surveys litmuses and tries mutants. The mutant of a condition is in the code that this worker loads: so such a
// worker serves one mutant, and imports nothing of the MMU before the text is in its place.
import { parentPort, workerData } from 'node:worker_threads';
import type { Fate } from './mutate/mutant.ts';
import type { Survey, Try } from './mutate/survey.ts';
import type { Trial } from './mutate/trial.ts';
import { type Replaced, replaceFile } from './mutate-hook-worker.ts';

export type MutateJob = { readonly survey: Try } | { readonly trial: Trial };

export type FromMutateWorker =
  | { readonly at: Try }
  | { readonly done: Survey | Fate }
  | { readonly error: string };

const post = (message: FromMutateWorker): void => parentPort?.postMessage(message);

parentPort?.on('message', async (job: MutateJob) => {
  try {
    post({ done: await carryOut(job) });
  } catch (error) {
    post({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});

const MS_BETWEEN_SIGNS = 500;

let last: Try | undefined;
let shown = 0;

/** Of life: a search goes on. */
function signs(at: Try): void {
  if (at === last && Date.now() - shown < MS_BETWEEN_SIGNS) return;
  last = at;
  shown = Date.now();
  post({ at });
}

async function carryOut(job: MutateJob): Promise<Survey | Fate> {
  const { replaced } = (workerData ?? {}) as { readonly replaced?: Replaced };
  if (replaced !== undefined) replaceFile(replaced);
  if ('survey' in job) {
    const { survey } = await import('./mutate/survey.ts');
    return survey(job.survey, signs);
  }
  const { tryMutant } = await import('./mutate/trial.ts');
  return tryMutant(job.trial, signs);
}
