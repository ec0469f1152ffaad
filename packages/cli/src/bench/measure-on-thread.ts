// A measurement in a thread of its own, whose code has seen nothing else.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Measures } from '../measure-worker.ts';

const workerFile = new URL('../measure-worker.js', import.meta.url);

export async function measureOnThread<Name extends keyof Measures>(
  name: Name,
): Promise<Measures[Name]> {
  const [result] = await once(new Worker(workerFile, { workerData: name }), 'message');
  return result as Measures[Name];
}
