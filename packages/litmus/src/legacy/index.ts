// What the legacy MMU does in other ways than the TDP MMU: tables freed after a flush, leaves found by rmaps, large leaves
// dropped.
import type { Litmus } from '../litmus.ts';
import { LEGACY_HARDWARE } from './hardware-bits.ts';
import { largeLeafDropped } from './large-leaf-dropped.ts';
import { LOCKLESS_WALK } from './lockless-walk.ts';
import { PREFETCH_UNCHECKED } from './prefetch-unchecked.ts';
import { RESTORE_BY_EXCHANGE } from './restore-by-exchange.ts';
import { LEGACY_SEED } from './seed-races.ts';
import { WALK_AND_PAUSE } from './walk-and-pause.ts';

export const LEGACY: readonly Litmus[] = [
  ...LOCKLESS_WALK,
  ...WALK_AND_PAUSE,
  largeLeafDropped,
  ...LEGACY_SEED,
  ...LEGACY_HARDWARE,
  ...RESTORE_BY_EXCHANGE,
  ...PREFETCH_UNCHECKED,
];
