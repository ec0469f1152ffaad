// What clients, snapshots and large pages cost, from times to ratios.
import { describe, expect, it } from 'vitest';
import type { Bar } from './bar.ts';
import { clientBars } from './clients.ts';
import { largePageBars } from './large-pages.ts';
import { snapshotBars } from './snapshot.ts';

const ratios = (bars: readonly Bar[]) =>
  Object.fromEntries(bars.map(({ name, value }) => [name, value]));

describe('the cost of dirty clients', () => {
  it('is against one client', () => {
    const times = [
      { clients: 1, takeNs: 100, faultNs: 50 },
      { clients: 2, takeNs: 150, faultNs: 60 },
      { clients: 3, takeNs: 200, faultNs: 55 },
    ];
    expect(ratios(clientBars(times))).toEqual({
      'harvest and take, 2 dirty clients : 1': 1.5,
      'harvest and take, 3 dirty clients : 1': 2,
      'store that faults, 3 dirty clients : 1': 1.1,
    });
  });
});

describe('the cost of a snapshot', () => {
  const snapshots = [
    { changed: 656, ms: 1.312 },
    { changed: 65_536, ms: 40 },
  ];
  const bars = snapshotBars({ snapshots, copyMs: 20, firstStoreNs: 900, slowFaultNs: 300 });

  it('is against copying all memory, and by changed page', () => {
    expect(ratios(bars)).toEqual({
      'snapshot, 1 % of pages changed : copy of all': 0.0656,
      'snapshot, 100 % of pages changed : copy of all': 2,
      'first store after a snapshot : slow fault': 3,
    });
    expect(bars[0]?.detail).toBe('1.31 ms : 20.0 ms of 256 MiB; 2,000 ns a changed page');
  });
});

describe('what large pages are worth', () => {
  it('is time at 4K against 2M, and against the eager split once logging began', () => {
    const bars = largePageBars({
      touch: {
        small: { faults: 16_384, firstMs: 30, againMs: 10 },
        large: { faults: 32, firstMs: 20, againMs: 4 },
      },
      resume: {
        small: { beginMs: 1, writeMs: 5 },
        eager: { beginMs: 2, writeMs: 4 },
        late: { beginMs: 0.5, writeMs: 6 },
      },
    });
    expect(ratios(bars)).toEqual({
      'faults of touching 64 MiB first, 4K : 2M': 512,
      'touching 64 MiB first, 4K : 2M': 1.5,
      'mapping 64 MiB again, 4K : 2M': 2.5,
      'writing 64 MiB after logging began, 4K : eager': 1.25,
      'writing 64 MiB after logging began, late split : eager': 1.5,
    });
    expect(bars[4]?.detail).toBe('6.00 ms : 4.00 ms; to begin 0.50 ms : 2.00 ms');
  });
});
