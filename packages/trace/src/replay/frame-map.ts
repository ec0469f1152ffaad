// The host's page frames, renumbered: a trace names frames all over the host's memory, and the replayed VM has only as many as it
// meets. Whole aligned stretches of 2 MiB keep their order, so that huge pages stay huge pages.
import type { Pfn } from '@faultline/mmu';

const BLOCK = 512;

export class FrameMap {
  readonly #blocks = new Map<number, number>();

  /** Makes room for a frame of the host, and for those around it. */
  add(pfn: number): void {
    const block = Math.floor(pfn / BLOCK);
    if (!this.#blocks.has(block)) this.#blocks.set(block, this.#blocks.size);
  }

  /** Frames that the VM needs. */
  get size(): number {
    return Math.max(1, this.#blocks.size) * BLOCK;
  }

  /** The VM's frame for one of the host's; -1 for one that was never added. */
  toOurs(pfn: number): Pfn {
    const block = this.#blocks.get(Math.floor(pfn / BLOCK));
    return (block === undefined ? -1 : block * BLOCK + (pfn % BLOCK)) as Pfn;
  }
}
