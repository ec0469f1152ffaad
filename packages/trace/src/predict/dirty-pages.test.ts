import { describe, expect, it } from 'vitest';
import type { DirtyLoad } from './dirty-load.ts';
import { DirtyPages } from './dirty-pages.ts';

const MEMORY = 10_000;

/** Different pages written within so many seconds. */
const guest = (written: (seconds: number) => number): DirtyLoad => ({
  pageSize: 4096,
  memoryPages: MEMORY,
  leastSeconds: 0,
  watchedSeconds: 1,
  windows: 1,
  written,
});

describe('a guest that goes on to other pages', () => {
  const roaming = guest((seconds) => 100 * seconds);

  it('leaves what it wrote while all was sent', () => {
    const dirty = new DirtyPages(roaming, 'by-harvest');
    expect(dirty.send(MEMORY, 10, 0)).toBeCloseTo(1000, 9);
    expect(dirty.pages).toBeCloseTo(1000, 9);
  });

  it('adds to what was not sent', () => {
    const dirty = new DirtyPages(roaming, 'by-harvest');
    dirty.send(MEMORY, 10, 0);
    expect(dirty.send(600, 2, 0)).toBeCloseTo(200, 9);
    expect(dirty.pages).toBeCloseTo(400 + 200, 9);
  });

  it('writes none of them again', () => {
    const dirty = new DirtyPages(roaming, 'by-harvest');
    dirty.send(MEMORY, 10, 0);
    expect(dirty.again(5, 0)).toBe(0);
  });

  it('writes any page of all memory as likely as another', () => {
    expect(new DirtyPages(roaming, 'by-harvest').again(10, 0)).toBe(0.1);
  });
});

describe('a guest that writes the same 500 pages each second', () => {
  const hot = guest((seconds) => 500 * Math.min(1, seconds));

  it('has written each of them again after a second, and half after half of one', () => {
    const dirty = new DirtyPages(hot, 'by-harvest');
    dirty.send(MEMORY, 10, 0);
    expect([dirty.pages, dirty.again(1, 0), dirty.again(0.5, 0)]).toEqual([500, 1, 0.5]);
  });

  it('makes nothing dirty that is waiting to be sent', () => {
    const dirty = new DirtyPages(hot, 'by-harvest');
    dirty.send(MEMORY, 10, 0);
    expect(dirty.send(200, 1, 0)).toBe(200);
    expect(dirty.pages).toBe(500);
  });

  it('has less written again where each is protected only when its turn comes', () => {
    const dirty = new DirtyPages(hot, 'when-sent');
    dirty.send(MEMORY, 10, 0);
    const before = dirty.pages;
    dirty.send(before, 1, 0);
    expect(dirty.pages).toBeLessThan(0.6 * before);
  });
});
