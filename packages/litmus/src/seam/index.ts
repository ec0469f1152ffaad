// The seam's own protocols, each as it ships and with the mistakes that could be made in it.
import type { Litmus } from '../litmus.ts';
import { GRACE_PERIOD } from './grace-period.ts';
import { INVALIDATION_WAIT } from './invalidation-wait.ts';
import { MEMSLOTS_WAIT } from './memslots-wait.ts';
import { MUTEX } from './mutex.ts';
import { PAUSE } from './pause.ts';
import { RWLOCK } from './rwlock.ts';
import { TLB_FLUSH } from './tlb-flush.ts';
import { WRITER_FIRST } from './writer-first.ts';

export const SEAM: readonly Litmus[] = [
  ...MUTEX,
  ...RWLOCK,
  ...WRITER_FIRST,
  ...GRACE_PERIOD,
  ...TLB_FLUSH,
  ...PAUSE,
  ...INVALIDATION_WAIT,
  ...MEMSLOTS_WAIT,
];
