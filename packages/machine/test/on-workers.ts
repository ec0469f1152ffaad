// vCPUs on real threads.
import { Worker } from 'node:worker_threads';
import type { Vm } from '../src/vm.ts';
import type { JobName } from './jobs.ts';
import type { Assignment } from './vcpu-worker.ts';

const running: Worker[] = [];

/** Does each job as the vCPU of its place in the list; answers what they answer. */
export function onWorkers({ handle }: Vm, ...names: JobName[]): Promise<unknown[]> {
  const answers = names.map((job, id) => {
    const workerData: Assignment = { handle, id, job };
    const worker = new Worker(new URL('./vcpu-worker.js', import.meta.url), { workerData });
    running.push(worker);
    return new Promise((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
  });
  return Promise.all(answers);
}

export const endWorkers = async (): Promise<void> => {
  await Promise.all(running.splice(0).map((worker) => worker.terminate()));
};
