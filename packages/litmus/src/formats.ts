// Shared words as readers write them: each by its bits.
import { MODE_STATE, REQUEST_QUIESCE } from '@faultline/atomics';
import type { NamedWord } from '@faultline/checker';
import {
  HOST_PTE_HUGE,
  HOST_PTE_KSM,
  HOST_PTE_KSM_PROTECTED,
  HOST_PTE_PROTECTED,
  HOST_PTE_SHARED,
  hostPtePfn,
  hostPteSlot,
  IN_GUEST_MODE,
  isFrozen,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteWritable,
  isHostWritable,
  isLastSpte,
  isMmioSpte,
  isMmuWritable,
  isShadowPresent,
  isUpdateInProgress,
  isWritable,
  KVM_REQ_DIRTY_RING_SOFT_FULL,
  KVM_REQ_TLB_FLUSH,
  mmioSpteGeneration,
  OUTSIDE_GUEST_MODE,
  REQ_PAUSE,
  spteToPfn,
} from '@faultline/mmu';

export type Format = NonNullable<NamedWord['format']>;

/** `pfn1 RW`, `mmio gen1`, `pfn1 R- (HM)`: software bits are named where they are not what W lets one expect. */
export const formatLeaf: Format = (low, high) => {
  if (isFrozen(low, high)) return 'frozen';
  if (isMmioSpte(low, high)) return `mmio gen${mmioSpteGeneration(low, high)}`;
  if (!isShadowPresent(low)) return low === 0 ? '-' : `0x${(low >>> 0).toString(16)}`;
  const software = `${isHostWritable(low) ? 'H' : ''}${isMmuWritable(low) ? 'M' : ''}`;
  const expected = isWritable(low) ? 'HM' : '';
  return (
    `pfn${spteToPfn(low, high)} ${isWritable(low) ? 'RW' : 'R-'}` +
    (software === expected ? '' : ` (${software || 'neither H nor M'})`)
  );
};

/** A large leaf is written as its first page. */
export const formatTable: Format = (low, high) => {
  if (isFrozen(low, high)) return 'frozen';
  if (isLastSpte(low, 2) && isShadowPresent(low)) return `large ${formatLeaf(low, high)}`;
  return isShadowPresent(low) ? `table${spteToPfn(low, high)}` : '-';
};

/** `pfn1 W`, `pfn1 R SHARED`, `missing slot0`. */
export const formatHostPte: Format = (pte) => {
  const flags = HOST_FLAGS.filter(([, bit]) => (pte & bit) !== 0).map(([name]) => ` ${name}`);
  const what = isHostPtePresent(pte)
    ? `pfn${hostPtePfn(pte)} ${isHostPteWritable(pte) ? 'W' : 'R'}`
    : isHostPteMissing(pte)
      ? `missing slot${hostPteSlot(pte)}`
      : '-';
  return what + flags.join('');
};
const HOST_FLAGS = [
  ['HUGE', HOST_PTE_HUGE],
  ['KSM', HOST_PTE_KSM],
  ['SHARED', HOST_PTE_SHARED],
  ['KSM_PROTECTED', HOST_PTE_KSM_PROTECTED],
  ['PROTECTED', HOST_PTE_PROTECTED],
] as const;

/** The generation, and `+` while the next slots are published and the old ones may still be in use. */
export const formatMemslots: Format = (word) =>
  `gen${word >>> 1}${isUpdateInProgress(word) ? '+' : ''}`;

const STATES: Readonly<Record<number, string>> = {
  [OUTSIDE_GUEST_MODE]: 'OUTSIDE',
  [IN_GUEST_MODE]: 'IN_GUEST',
};
export const formatMode: Format = (word) => STATES[word & MODE_STATE] ?? 'READING';

export const formatRequests: Format = (word) => {
  const names = [
    [REQUEST_QUIESCE, 'QUIESCE'],
    [KVM_REQ_TLB_FLUSH, 'TLB_FLUSH'],
    [REQ_PAUSE, 'PAUSE'],
    [KVM_REQ_DIRTY_RING_SOFT_FULL, 'RING_FULL'],
  ] as const;
  return (
    names
      .filter(([bit]) => (word & bit) !== 0)
      .map(([, name]) => name)
      .join('|') || '-'
  );
};

/** Of an entry of a dirty ring. */
export const formatDirtyGfn: Format = (flags) => ['-', 'DIRTY', 'RESET'][flags] ?? String(flags);

export const formatBitmap: Format = (word) => {
  const set = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (word >>> bit) & 1);
  return set.length === 0 ? '-' : set.map((hvn) => `hvn${hvn}`).join(' ');
};

const READERS = 2 ** 30 - 1;
/** As rwlock.ts keeps it, and as the search's own locks do: the sign bit for a writer, below it a count of readers. */
export const formatRwlock: Format = (word) => {
  const readers = word & READERS;
  if (word < 0) return 'writing';
  if (readers > 0) return `${readers} reading`;
  return word === 0 ? 'free' : 'a writer waits';
};
export const formatLock: Format = (word) => (word === 0 ? 'free' : 'held');
