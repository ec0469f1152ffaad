// A migration that arrived.
import type { Shape } from './shape.ts';

/** What a migration has brought. */
export interface Received {
  /** The source's, which `open` was asked to make memory for. */
  readonly shape: Shape;
  /** Pages with contents that came; one that came twice counts twice. */
  readonly normal: number;
  /** Zero pages that came, by QEMU's name for them. */
  readonly duplicate: number;
  /** Rounds over all memory that was dirty, the one with the guest stopped included. */
  readonly rounds: number;
  /** Pages that the guest waited for while it ran already; undefined of a pre-copy. */
  readonly requests: number | undefined;
  /** Checksum of the memory, equal on both sides; undefined if the source did not ask for it. */
  readonly digest: number | undefined;
  /**
   * True: the source has given the guest up, run it. False: everything has come, but the connection broke before the source
   * said so. It may run the guest on: ask somebody before this one is run.
   */
  readonly handedOver: boolean;
}
