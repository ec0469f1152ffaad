// Races with what hardware does to sptes by itself: A and D, their logging, and the access tracking that stands in for them.
import type { Litmus } from '../litmus.ts';
import { ACCESS_TRACK_DIRTY_LOST } from './access-track-dirty-lost.ts';
import { ACCESS_TRACK_RESTORE } from './access-track-restore.ts';
import { ACCESS_TRACK_RESTORES_W } from './access-track-restores-w.ts';
import { HARDWARE_DIRTY_LOST } from './hardware-dirty-lost.ts';
import { HARDWARE_ORS_A_ZAPPED_SPTE } from './hardware-ors-a-zapped-spte.ts';
import { PML_DRAINED_TOO_LATE } from './pml-drained-too-late.ts';

export const HARDWARE: readonly Litmus[] = [
  ...HARDWARE_DIRTY_LOST,
  ...HARDWARE_ORS_A_ZAPPED_SPTE,
  ...ACCESS_TRACK_DIRTY_LOST,
  ...ACCESS_TRACK_RESTORE,
  ...ACCESS_TRACK_RESTORES_W,
  ...PML_DRAINED_TOO_LATE,
];
