// One worker of workers.test.ts: connects to the memory and does its job.
import { parentPort, workerData } from 'node:worker_threads';
import { connectThread } from '../src/threads.ts';
import type { SharedMemory } from '../src/wasm-shared.ts';
import { type JobName, jobs } from './jobs.ts';

export interface Assignment {
  readonly memory: SharedMemory;
  readonly thread: number;
  readonly job: JobName;
}

const { memory, thread, job } = workerData as Assignment;
parentPort?.postMessage(jobs[job](connectThread(memory, thread)));
