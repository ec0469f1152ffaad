// The races of the review of 2012, and what became of them: the seed of this project.
import type { Litmus } from '../litmus.ts';
import { abaDirect } from './aba-direct.ts';
import { abaIndirect } from './aba-indirect.ts';
import { firstTouchTwoVcpus } from './first-touch-two-vcpus.ts';
import { ksmMerge } from './ksm-merge.ts';
import { ksmMergeClearsW } from './ksm-merge-clears-w.ts';
import { lostDirtyBit } from './lost-dirty-bit.ts';
import { lostDirtyBitPlainStore } from './lost-dirty-bit-plain-store.ts';
import { markDirtyAfterCmpxchg } from './mark-dirty-after-cmpxchg.ts';
import { markDirtyBeforeCmpxchg } from './mark-dirty-before-cmpxchg.ts';
import { noPlantedId } from './no-planted-id.ts';
import { oneLogWordHarvest } from './one-log-word-harvest.ts';
import { oneLogWordTwoVcpus } from './one-log-word-two-vcpus.ts';
import { pageMovesFar } from './page-moves-far.ts';
import { pageMovesNear } from './page-moves-near.ts';
import { plantedId } from './planted-id.ts';
import { plantedIdNoBarrierInFastPath } from './planted-id-no-barrier-in-fast-path.ts';
import { plantedIdNoBarrierInProtector } from './planted-id-no-barrier-in-protector.ts';
import { plantedIdPlainStoreZap } from './planted-id-plain-store-zap.ts';
import { plantedIdZap } from './planted-id-zap.ts';
import { seedModelSafe } from './seed-model.ts';
import { seedModelClearsW } from './seed-model-clears-w.ts';
import { seedModelMailOrder } from './seed-model-mail-order.ts';
import { sketch } from './sketch.ts';
import { sketchAsTypedLitmus } from './sketch-as-typed.ts';
import { sketchMarkLast } from './sketch-mark-last.ts';
import { slotDeletion } from './slot-deletion.ts';
import { slowPathMailOrder } from './slow-path-mail-order.ts';
import { slowPathOrder } from './slow-path-order.ts';

export { type SeedVariant, seedModel } from './seed-model-program.ts';

export const SEED: readonly Litmus[] = [
  seedModelSafe,
  seedModelClearsW,
  seedModelMailOrder,
  ksmMerge,
  ksmMergeClearsW,
  slowPathOrder,
  slowPathMailOrder,
  markDirtyAfterCmpxchg,
  markDirtyBeforeCmpxchg,
  oneLogWordTwoVcpus,
  oneLogWordHarvest,
  firstTouchTwoVcpus,
  slotDeletion,
  sketchMarkLast,
  sketch,
  sketchAsTypedLitmus,
  abaDirect,
  abaIndirect,
  pageMovesNear,
  pageMovesFar,
  lostDirtyBit,
  lostDirtyBitPlainStore,
  plantedId,
  plantedIdNoBarrierInFastPath,
  plantedIdNoBarrierInProtector,
  noPlantedId,
  plantedIdZap,
  plantedIdPlainStoreZap,
];
