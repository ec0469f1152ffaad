// Takes one measurement where vCPUs run: in a worker, which is built into one file.
import { parentPort, workerData } from 'node:worker_threads';
import { type ClientTimes, timeClients } from './bench/clients.ts';
import { type LargePageTimes, timeLargePages } from './bench/large-pages.ts';
import { type SnapshotTimes, timeSnapshots } from './bench/snapshot.ts';

/** What can be measured, and what that answers. */
export interface Measures {
  readonly snapshot: SnapshotTimes;
  readonly clients: readonly ClientTimes[];
  readonly 'large-pages': LargePageTimes;
}

const MEASURES: { [Name in keyof Measures]: () => Measures[Name] } = {
  snapshot: timeSnapshots,
  clients: timeClients,
  'large-pages': timeLargePages,
};

parentPort?.postMessage(MEASURES[workerData as keyof Measures]());
