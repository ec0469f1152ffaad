import { describe, expect, it } from 'vitest';
import type { Guest } from './guest.ts';
import { GUESTS, type GuestName } from './guests.ts';

interface Touch {
  readonly page: number;
  readonly word: number;
}

const REGION = { slot: 0, gfn: 0x1000, npages: 100, hvn: 7 };

/** What a guest program stores, as vCPU `id`, on a memory that is not there. */
function storesOf(
  name: GuestName,
  touches: number,
  { id = 0, vcpus = 1, npages = REGION.npages } = {},
): Touch[] {
  const stores: Touch[] = [];
  const guest = {
    id,
    vcpus,
    regions: [{ ...REGION, npages }],
    ownWord: (word: number) => word,
    owned: () => 0,
    check: () => {},
    put: () => {},
    stamp(gfn: number, hvn: number, word: number) {
      if (gfn - REGION.gfn !== hvn - REGION.hvn) throw new Error(`gfn ${gfn} is not at hvn ${hvn}`);
      stores.push({ page: gfn - REGION.gfn, word });
    },
  };
  GUESTS[name].program(guest as unknown as Guest).run(touches);
  return stores;
}

/** How often each page was stored to. */
function perPage(stores: readonly Touch[], npages = REGION.npages): number[] {
  const counts = new Array<number>(npages).fill(0);
  for (const { page } of stores) counts[page] = (counts[page] ?? 0) + 1;
  return counts;
}

describe.each(['sequential', 'random', 'zipf', 'ksm'] as const)('the guest %s', (name) => {
  it('makes as many stores as it is told to make touches', () => {
    expect(storesOf(name, 1000)).toHaveLength(1000);
  });

  it('reaches every page of its region and none beside', () => {
    const counts = perPage(storesOf(name, 50_000));
    expect(counts).toHaveLength(REGION.npages);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('runs in a region of one page', () => {
    expect(perPage(storesOf(name, 100, { npages: 1 }), 1)).toEqual([100]);
  });

  it('stores the same on every run', () => {
    expect(storesOf(name, 500)).toEqual(storesOf(name, 500));
  });
});

describe('the guest sequential', () => {
  it('writes page after page and begins again', () => {
    const pages = storesOf('sequential', 250).map(({ page }) => page);
    expect(pages).toEqual(Array.from({ length: 250 }, (_, touch) => touch % 100));
  });
});

describe('the guest zipf', () => {
  const counts = perPage(storesOf('zipf', 200_000));

  it('writes the first page of a hundred every seventh time or so: 1 of log2(101)', () => {
    expect((counts[0] ?? 0) / 200_000).toBeCloseTo(1 / Math.log2(101), 2);
  });

  it('writes a page of twice the rank half as often, or less', () => {
    const [first = 0, second = 0, , fourth = 0] = counts;
    expect([first > 1.6 * second, second > 1.6 * fourth]).toEqual([true, true]);
  });
});

describe('the guest ksm', () => {
  it('makes seven touches in eight on an eighth of its pages', () => {
    const hot = storesOf('ksm', 80_000).filter(({ page }) => page < 13).length;
    expect(hot / 80_000).toBeCloseTo(7 / 8 + 13 / 100 / 8, 2);
  });
});

describe('the guest framebuffer', () => {
  const WORDS = 1024;
  const { pages = 0 } = GUESTS.framebuffer;
  const paint = (id: number, vcpus: number) =>
    storesOf('framebuffer', 3000, { id, vcpus, npages: pages });

  it('has a screen of 1024 x 768 pixels', () => {
    expect(pages * WORDS).toBe(1024 * 768);
  });

  it('stays on it', () => {
    const off = paint(0, 1).filter(
      ({ page, word }) => page < 0 || page >= pages || word < 0 || word >= WORDS,
    );
    expect(off).toEqual([]);
  });

  it('paints lines of 32 to 95 pixels, none of them around the edge', () => {
    const lines = new Map<number, number[]>();
    let last = -2;
    let line = -1;
    for (const { page, word } of paint(0, 1)) {
      const pixel = page * WORDS + word;
      if (pixel !== last + 1) lines.set(++line, []);
      lines.get(line)?.push(pixel);
      last = pixel;
    }
    const wrapped = [...lines.values()].filter(
      (pixels) => Math.floor((pixels[0] ?? 0) / 1024) !== Math.floor((pixels.at(-1) ?? 0) / 1024),
    );
    expect(wrapped).toEqual([]);
  });

  it.each([2, 3])('leaves each pixel to one of %i vCPUs', (vcpus) => {
    const painters = new Map<number, Set<number>>();
    for (let id = 0; id < vcpus; id++) {
      for (const { page, word } of paint(id, vcpus)) {
        const pixel = page * WORDS + word;
        painters.set(pixel, (painters.get(pixel) ?? new Set()).add(id));
      }
    }
    expect([...painters.values()].filter(({ size }) => size !== 1)).toEqual([]);
  });
});
