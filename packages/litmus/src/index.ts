// The face of the litmus tests: the races of the review first, then the seam's own protocols, then one folder per part of the
// MMU, then the races that KVM has had.
import { HARDWARE } from './hardware/index.ts';
import { HOST } from './host/index.ts';
import { LEGACY } from './legacy/index.ts';
import type { Litmus } from './litmus.ts';
import { LOGS } from './logs/index.ts';
import { RACES } from './races/index.ts';
import { ROOTS } from './roots/index.ts';
import { SEAM } from './seam/index.ts';
import { SEED } from './seed/index.ts';
import { SLOTS } from './slots/index.ts';

export type { Litmus } from './litmus.ts';
export { WAITING, type WaitingRace, type WaitsFor } from './races/waiting.ts';
export { type SeedVariant, seedModel } from './seed/index.ts';

/** All of them, broken variants included, in the order in which they are told. */
export const LITMUS: readonly Litmus[] = [
  ...SEED,
  ...SEAM,
  ...SLOTS,
  ...ROOTS,
  ...LOGS,
  ...HARDWARE,
  ...HOST,
  ...LEGACY,
  ...RACES,
];
