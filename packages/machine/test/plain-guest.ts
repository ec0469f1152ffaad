// A guest without an MMU: memory, a log that a test writes by hand, and what was asked of it.
import type { SourceGuest } from '../src/index.ts';

export const PAGE = 64;

export interface PlainGuest extends SourceGuest {
  readonly bytes: Uint8Array;
  /** Stores a byte, as a vCPU would: logged, if logging is on. Refused while paused. */
  write(hvn: number, value: number): void;
  readonly state: { logging: boolean; paused: boolean; throttle: number };
  /** Called before each harvest that happens while the guest runs. */
  beforeHarvest: () => void;
}

export function plainGuest(pages: number): PlainGuest {
  const bytes = new Uint8Array(pages * PAGE);
  const dirty = new Set<number>();
  const state = { logging: false, paused: false, throttle: 0 };
  const guest: PlainGuest = {
    bytes,
    state,
    beforeHarvest: () => {},
    shape: { pages, pageSize: PAGE, slots: [{ id: 0, gfn: 256, npages: pages, hvn: 0 }] },
    write(hvn, value) {
      if (state.paused) throw new Error('expected a running guest, got a store while paused');
      bytes[hvn * PAGE + (value % PAGE)] = value;
      if (state.logging) dirty.add(hvn);
    },
    copyPage(hvn, into, at) {
      into.set(bytes.subarray(hvn * PAGE, (hvn + 1) * PAGE), at);
      return true;
    },
    startLogging: () => {
      state.logging = true;
    },
    stopLogging: () => {
      state.logging = false;
    },
    harvest(visit) {
      if (!state.paused) guest.beforeHarvest();
      for (const hvn of dirty) visit(hvn);
      dirty.clear();
    },
    pause: () => {
      state.paused = true;
    },
    resume: () => {
      state.paused = false;
    },
    throttle: (percent) => {
      state.throttle = percent;
    },
  };
  return guest;
}

/** One that has written every second page. */
export function writtenGuest(pages: number): PlainGuest {
  const guest = plainGuest(pages);
  for (let hvn = 0; hvn < pages; hvn += 2) guest.write(hvn, hvn % 251 || 1);
  return guest;
}
