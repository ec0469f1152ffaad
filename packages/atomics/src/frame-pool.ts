// Frames for page tables: a stack shared by all threads, and a small pool per thread in front of it, so that a fault
// takes no lock for the tables it needs. A free frame is filled with poison: it maps nothing if walked by mistake, and
// `findDamage` sees a store to it.
import { frameAddress, poolEntry, poolLock, poolTop, type SeamMap } from './seam-map.ts';
import type { Shared } from './shared.ts';

/** Neither present nor MMU-present to any reader of sptes. */
const POISON_LOW = 0x5f5e_d0a0;
const POISON_HIGH = 0x5f5e_d0a0;
const BATCH = 16;

export class FramePool {
  readonly #mem: Shared;
  readonly #map: SeamMap;
  readonly #frames: number[] = [];

  constructor(mem: Shared, map: SeamMap) {
    this.#mem = mem;
    this.#map = map;
  }

  /** Throws a RangeError when no frame is left. */
  alloc(): number {
    if (this.#frames.length === 0) this.#refill();
    const frame = this.#frames.pop();
    if (frame === undefined) {
      throw new RangeError(
        `expected a free page-table frame, got none of ${this.#map.frames}; usual cause: a memory made with too few frames`,
      );
    }
    return frame;
  }

  free(frame: number): void {
    for (let at = frame; at < frame + this.#map.frameBytes; at += 8) {
      this.#mem.store64(at, POISON_LOW, POISON_HIGH);
    }
    this.#frames.push(frame);
    if (this.#frames.length > 2 * BATCH) this.giveBack(BATCH);
  }

  /** Moves frames to the shared stack until `keep` are left; 0 before a thread ends. */
  giveBack(keep: number): void {
    this.#locked((top) => {
      let next = top;
      for (; this.#frames.length > keep; next++) {
        this.#mem.store32(poolEntry(this.#map, next), this.#frames.pop() ?? 0);
      }
      return next;
    });
  }

  #refill(): void {
    this.#locked((top) => {
      let next = top;
      for (; next > 0 && this.#frames.length < BATCH; next--) {
        this.#frames.push(this.#mem.load32(poolEntry(this.#map, next - 1)) >>> 0);
      }
      return next;
    });
  }

  #locked(change: (top: number) => number): void {
    this.#mem.lock(poolLock(this.#map));
    this.#mem.store32(poolTop(this.#map), change(this.#mem.load32(poolTop(this.#map))));
    this.#mem.unlock(poolLock(this.#map));
  }
}

/** Poisons and stacks every frame of a fresh memory. One thread, before the others start. */
export function fillPool(mem: Shared, map: SeamMap): void {
  for (let frame = 0; frame < map.frames; frame++) {
    const address = frameAddress(map, frame);
    for (let at = address; at < address + map.frameBytes; at += 8) {
      mem.store64(at, POISON_LOW, POISON_HIGH);
    }
    mem.store32(poolEntry(map, map.frames - 1 - frame), address);
  }
  mem.store32(poolTop(map), map.frames);
}

/** A free frame that somebody has written to since, or undefined. Only while nobody allocates. */
export function findDamage(mem: Shared, map: SeamMap): number | undefined {
  for (let index = mem.load32(poolTop(map)) - 1; index >= 0; index--) {
    const frame = mem.load32(poolEntry(map, index)) >>> 0;
    for (let at = frame; at < frame + map.frameBytes; at += 8) {
      if (mem.load64(at) !== POISON_LOW || mem.high !== POISON_HIGH) return frame;
    }
  }
  return undefined;
}
