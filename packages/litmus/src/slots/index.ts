// Memslots that come, go and move under running vCPUs.
import type { Litmus } from '../litmus.ts';
import { BECOMES_READ_ONLY } from './becomes-read-only.ts';
import { SLOT_MOVE } from './slot-move.ts';
import { TWO_LEVEL_DELETION } from './two-level-deletion.ts';

export const SLOTS: readonly Litmus[] = [...SLOT_MOVE, ...BECOMES_READ_ONLY, ...TWO_LEVEL_DELETION];
