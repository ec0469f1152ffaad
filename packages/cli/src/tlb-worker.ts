// Times TLB hits where vCPUs run: in a worker, which is built into one file.
import { parentPort } from 'node:worker_threads';
import { timeTlbHits } from './bench/tlb.ts';

parentPort?.postMessage(timeTlbHits());
