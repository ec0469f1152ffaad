// Rings of several sizes for the same guest: the mean over the recorded windows.
import {
  type DirtyLoad,
  type MigrationParameters,
  type RingOutlook,
  ringOutlook,
} from '@faultline/trace';

/** KVM's limits: a page of them at least. Always a power of two. */
export const LEAST_ENTRIES = 256;
export const MOST_ENTRIES = 65_536;
const MOST_ASKED = 32;

/** A quarter of the size that was asked for, up to four times. */
export const sizesAround = (size: number): number[] =>
  [size / 4, size / 2, size, size * 2, size * 4].filter(
    (entries) => entries >= LEAST_ENTRIES && entries <= MOST_ENTRIES,
  );

/** The least power of two that is never full; undefined: none. */
export function leastNeverFull(
  load: DirtyLoad,
  parameters: MigrationParameters,
): number | undefined {
  for (let size = LEAST_ENTRIES; size <= MOST_ENTRIES; size *= 2) {
    if (meanOutlook(load, parameters, size).fullExitsPerS === 0) return size;
  }
  return undefined;
}

export function meanOutlook(
  load: DirtyLoad,
  { ring, roundCost }: MigrationParameters,
  size: number,
): RingOutlook {
  const asked = Math.min(load.windows, MOST_ASKED);
  const all = Array.from({ length: asked }, (_, window) => {
    const at = ((window + 0.5) / asked) * load.watchedSeconds;
    return ringOutlook(load, at, { ...ring, size }, roundCost);
  });
  const fills = all.flatMap(({ fillsInS }) => (fillsInS === undefined ? [] : [fillsInS]));
  return {
    size,
    fillsInS: fills.length === 0 ? undefined : meanOf(fills),
    fullExitsPerS: meanOf(all.map(({ fullExitsPerS }) => fullExitsPerS)),
    reapS: meanOf(all.map(({ reapS }) => reapS)),
    stallShares: ring.vcpuShares.map((_, vcpu) =>
      meanOf(all.map(({ stallShares }) => stallShares[vcpu] ?? 0)),
    ),
    runningShare: meanOf(all.map(({ runningShare }) => runningShare)),
  };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
