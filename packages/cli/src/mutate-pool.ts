// Surveys and trials in worker threads. A thread that gives no sign of life is ended: its mutant loops where no search looks, in
// the setup, or without an operation on a shared word.
import { Worker } from 'node:worker_threads';
import type { Fate } from './mutate/mutant.ts';
import { mutatedText } from './mutate/shipped.ts';
import type { Survey, Try } from './mutate/survey.ts';
import { labelOf, type Trial } from './mutate/trial.ts';
import type { FromMutateWorker, MutateJob } from './mutate-worker.ts';

/** Between two signs of life. */
const MOST_MS = 30_000;

/** Beside this file: vitest looks for it there. */
const workerFile = new URL('./mutate-worker.js', import.meta.url);

/** Names lines of the source, as the programs that are checked do. */
const start = (job?: MutateJob): Worker => {
  const mutant = job !== undefined && 'trial' in job ? job.trial.mutant : undefined;
  const replaced =
    mutant !== undefined && 'condition' in mutant
      ? { url: mutant.url, text: mutatedText(mutant) }
      : undefined;
  return new Worker(workerFile, {
    execArgv: ['--enable-source-maps'],
    workerData: { replaced },
    resourceLimits: { maxOldGenerationSizeMb: 4096 },
  });
};

/** `done` is told of each as it comes. Answers all, in the order of `of`. */
export const surveyInWorkers = (
  of: readonly Try[],
  workers: number,
  done: (survey: Survey) => void,
): Promise<Survey[]> =>
  inWorkers(
    of.map((survey) => ({ survey })),
    workers,
    (answer) => {
      if ('fate' in answer) throw new Error(`a survey broke down: ${answer.why}`);
      done(answer);
      return answer;
    },
  );

export const tryInWorkers = (
  trials: readonly Trial[],
  workers: number,
  done: (index: number, fate: Fate) => void,
): Promise<Fate[]> =>
  inWorkers(
    trials.map((trial) => ({ trial })),
    workers,
    (answer, index) => {
      const fate = answer as Fate;
      done(index, fate);
      return fate;
    },
  );

type Answer = Survey | Fate;

async function inWorkers<Result>(
  jobs: readonly MutateJob[],
  workers: number,
  done: (answer: Answer, index: number) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    let shared: Worker | undefined;
    for (let index = next++; index < jobs.length; index = next++) {
      const job = jobs[index] as MutateJob;
      const isOwn = 'trial' in job && 'condition' in job.trial.mutant;
      const worker = isOwn ? start(job) : (shared ?? start());
      const { answer, ended } = await ask(worker, job);
      if (isOwn) await worker.terminate();
      else shared = ended ? undefined : worker;
      results[index] = done(answer, index);
    }
    await shared?.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  return results;
}

function ask(worker: Worker, job: MutateJob): Promise<{ answer: Answer; ended: boolean }> {
  return new Promise((resolve) => {
    const started = Date.now();
    let at: Try | undefined;
    let watch: NodeJS.Timeout | undefined;
    const end = (answer: Answer, ended: boolean): void => {
      clearTimeout(watch);
      // One by one: a worker without its own listeners hears nothing any more.
      worker.off('message', heard).off('error', broke).off('exit', left);
      resolve({ answer, ended });
    };
    const fate = (rest: Pick<Fate, 'fate'> & Partial<Fate>): Fate => ({
      alike: [],
      ms: Date.now() - started,
      ...rest,
    });
    const failed = (why: unknown, ended: boolean): void => {
      const where = at === undefined ? '' : `${labelOf(at)}: `;
      end(fate({ fate: 'failed', why: `${where}${why}` }), ended);
    };
    const tooLong = (): void => {
      if (at === undefined) failed('its thread did not start in time', true);
      else {
        const property = 'a loop outside the search';
        end(fate({ fate: 'killed', kill: { ...at, fault: 'never ends', property } }), true);
      }
      void worker.terminate();
    };
    const watchOut = (): void => {
      clearTimeout(watch);
      watch = setTimeout(tooLong, MOST_MS);
    };
    const heard = (message: FromMutateWorker): void => {
      if ('at' in message) {
        at = message.at;
        watchOut();
      } else if ('error' in message) failed(message.error, false);
      else end(message.done, false);
    };
    const broke = (error: unknown): void => failed(error, true);
    const left = (code: number): void => failed(`its thread ended with ${code}`, true);
    watchOut();
    worker.on('message', heard).on('error', broke).on('exit', left);
    worker.postMessage(job);
  });
}
