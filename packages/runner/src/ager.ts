// The host's page ager: asks stretches of the guest's memory at random whether they were used. Linux: kswapd, kswapd's MGLRU.
import type { Shared } from '@faultline/atomics';
import { clearYoung, type Hvn, testYoung } from '@faultline/mmu';
import { isStopped, sleep } from './control.ts';
import { randomSource } from './guests/random.ts';
import type { Job } from './job.ts';

/** Pages that the ager asked about. */
export interface AgingStat {
  /** Times that it asked. */
  rounds: number;
  /** Leaves that had been used since they were last asked. */
  young: number;
  /** Pages without such a leaf. */
  old: number;
}

type AgerJob = Extract<Job, { role: 'ager' }>;

const MOST_PAGES_AT_ONCE = 64;
const SLEEP_MS = 1;
/** Every so many times it only looks. */
const TEST_EVERY = 8;

export function runAger(mem: Shared, { machine, regions }: AgerJob): AgingStat {
  const { vm, control } = machine;
  const stat: AgingStat = { rounds: 0, young: 0, old: 0 };
  const below = randomSource(vm.hostPages);
  while (!isStopped(mem, control)) {
    for (const { hvn, npages } of regions) {
      const first = below(npages);
      const count = Math.min(npages - first, 1 + below(MOST_PAGES_AT_ONCE));
      const ask = stat.rounds % TEST_EVERY === 0 ? testYoung : clearYoung;
      const young = ask(mem, vm, (hvn + first) as Hvn, count);
      stat.rounds++;
      stat.young += young;
      stat.old += Math.max(0, count - young); // a large leaf may reach beyond what was asked
    }
    sleep(mem, control, SLEEP_MS);
  }
  return stat;
}
