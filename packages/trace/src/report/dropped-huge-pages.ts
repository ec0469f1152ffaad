// Which 2 MiB of guest memory lost their huge page to dirty logging: where KVM drops it instead of splitting it, the 511 other
// pages fault in one by one, and those faults are the log's, not first touches.

const PAGES = 512;
/** 128 GiB of guest memory; beyond them such faults count as ordinary ones. */
const MOST = 65_536;

export class DroppedHugePages {
  readonly #regions = new Set<number>();

  /** A fault at `gfn` met a huge page that may not be written as a whole. */
  add(gfn: number): void {
    if (this.#regions.size < MOST) this.#regions.add(Math.floor(gfn / PAGES));
  }

  /** It was split after all, or a huge page is there again. */
  delete(gfn: number): void {
    this.#regions.delete(Math.floor(gfn / PAGES));
  }

  has(gfn: number): boolean {
    return this.#regions.size > 0 && this.#regions.has(Math.floor(gfn / PAGES));
  }
}
