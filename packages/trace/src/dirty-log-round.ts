// One harvest of the dirty log: the unit that migrations are counted in.
import type { GfnSet } from './gfn-set.ts';

/** KVM's four: taken as a whole; cleared by its readers; cleared by them and full from the start; a ring per vCPU. */
export type DirtyLogKind = 'bitmap' | 'manual' | 'initially-set' | 'ring';

/**
 * Where rounds come from, best first: markers of the program that drove the guest, with its bitmaps; KVM's ioctls among the
 * system calls; pages that lost W, which is what a harvest leaves behind in the TDP MMU.
 */
export type RoundsSource = 'markers' | 'ioctls' | 'sptes';

/** Times as in the trace's headers. */
export interface DirtyLogRound {
  /** Undefined: all of them at once (a ring belongs to a vCPU), or not known. */
  readonly slot: number | undefined;
  /** Undefined: not known. */
  readonly log: DirtyLogKind | undefined;
  /** Since when pages written are in it: the harvest before, or the begin of logging. Undefined: before the trace. */
  readonly since: number | undefined;
  readonly begin: number;
  /** From then on all that it found is watched again; with manual protection after the last clear. */
  readonly end: number;
  /** What userspace got; from ioctls and sptes, what was protected again. */
  readonly gfns: GfnSet;
  /** Pages of the slot, where that is known. */
  readonly npages: number | undefined;
  /** What the program that drove the guest called this part of the trace, as `stop-and-copy`. */
  readonly phase: string | undefined;
}
