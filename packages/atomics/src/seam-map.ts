// Where the seam keeps its own words. The first page of the memory is left empty, so that address 0 never is a word.
//
//   4096               a block per thread     mode, requests | its latch (two cache lines, so that pollers do not share)
//   pool               frame pool             lock, top, then a stack of free frames
//   words              the user's words
//   frames             the user's frames

const LINE = 64;
const THREAD_STRIDE = 2 * LINE;
const FIRST = 4096;
const WASM_PAGE = 65_536;
/** So that every address is a positive int32: larger ones are doubles to JavaScript. */
const LARGEST = 2 ** 31;

/** What a memory has to hold. `words` in bytes; `ram` is guest memory, in 32-bit words. */
export interface SeamSize {
  readonly threads: number;
  readonly words: number;
  readonly frames: number;
  readonly frameBytes: number;
  readonly ram: number;
}

export interface SeamMap extends SeamSize {
  readonly pool: number;
  readonly wordsAt: number;
  readonly framesAt: number;
  readonly wasmPages: number;
}

const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Throws a RangeError when it is more than addresses reach. */
export function seamMap(size: SeamSize): SeamMap {
  const pool = FIRST + size.threads * THREAD_STRIDE;
  const wordsAt = alignUp(pool + 2 * LINE + size.frames * 4, LINE);
  const framesAt = alignUp(wordsAt + size.words, 4096);
  const end = framesAt + size.frames * size.frameBytes;
  if (!(end <= LARGEST)) {
    throw new RangeError(
      `expected at most 2 GiB of page tables, locks and bitmaps, got ${(end / 2 ** 30).toFixed(1)} GiB ` +
        `(${size.frames} frames of ${size.frameBytes} bytes); usual cause: a guest that is too large`,
    );
  }
  return { ...size, pool, wordsAt, framesAt, wasmPages: Math.ceil(end / WASM_PAGE) };
}

/** Where the thread is: see grace-period.ts. Only the thread itself writes it. */
export const modeAddress = (thread: number): number => FIRST + thread * THREAD_STRIDE;
/** Bits that others set and the thread takes where it polls; bit 0 belongs to grace-period.ts. */
export const requestsAddress = (thread: number): number => modeAddress(thread) + 4;
export const latchAddress = (thread: number): number => modeAddress(thread) + LINE;
export const poolLock = (map: SeamMap): number => map.pool;
export const poolTop = (map: SeamMap): number => map.pool + 4;
export const poolEntry = (map: SeamMap, index: number): number => map.pool + 2 * LINE + index * 4;
export const frameAddress = (map: SeamMap, frame: number): number =>
  map.framesAt + frame * map.frameBytes;
