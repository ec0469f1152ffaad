// One worker of workers.test.ts: connects its vCPU, does its job, and leaves.
import { parentPort, workerData } from 'node:worker_threads';
import { connectVcpu } from '../src/connect-vcpu.ts';
import type { VmHandle } from '../src/handle.ts';
import { type JobName, jobs } from './jobs.ts';

export interface Assignment {
  readonly handle: VmHandle;
  readonly id: number;
  readonly job: JobName;
}

const { handle, id, job } = workerData as Assignment;
const vcpu = connectVcpu(handle, id);
const answer = jobs[job](vcpu);
vcpu.disconnect();
parentPort?.postMessage(answer);
