import { describe, expect, it } from 'vitest';
import {
  frameAddress,
  latchAddress,
  modeAddress,
  poolEntry,
  poolTop,
  requestsAddress,
  seamMap,
} from './seam-map.ts';

const size = { threads: 3, words: 100, frames: 5, frameBytes: 4096, ram: 0 };

describe('The map of the seam', () => {
  const map = seamMap(size);

  it('gives every word of its own a place of its own, in order', () => {
    const places = [
      ...[0, 1, 2].flatMap((thread) => [
        modeAddress(thread),
        requestsAddress(thread),
        latchAddress(thread),
      ]),
      map.pool,
      poolTop(map),
      ...[0, 1, 2, 3, 4].map((index) => poolEntry(map, index)),
      map.wordsAt,
      map.framesAt,
    ];
    expect([...new Set(places)].sort((a, b) => a - b)).toEqual(places);
  });

  it('leaves the first page empty', () => {
    expect(modeAddress(0)).toBe(4096);
  });

  it('keeps the words that pollers read and the latch on different cache lines', () => {
    const lines = [0, 1, 2].flatMap((thread) =>
      [requestsAddress(thread), latchAddress(thread)].map((address) => address >> 6),
    );
    expect(new Set(lines).size).toBe(lines.length);
  });

  it('aligns the words to a cache line and the frames to a page', () => {
    expect([map.wordsAt % 64, map.framesAt % 4096]).toEqual([0, 0]);
  });

  it('has room for all the words before the frames, and for all the frames', () => {
    expect(map.framesAt).toBeGreaterThanOrEqual(map.wordsAt + size.words);
    expect(map.wasmPages * 65_536).toBeGreaterThanOrEqual(frameAddress(map, size.frames));
  });

  it('refuses more than addresses reach', () => {
    expect(() => seamMap({ ...size, frames: 2 ** 21 })).toThrow(
      new RangeError(
        'expected at most 2 GiB of page tables, locks and bitmaps, got 8.0 GiB (2097152 frames of 4096 bytes); ' +
          'usual cause: a guest that is too large',
      ),
    );
  });
});
