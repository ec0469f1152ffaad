// What the workers of workers.test.ts do, each with a vCPU of its own.
import type { Vcpu } from '../src/vcpu.ts';

export const COUNTS = 20_000;
/** Where the jobs meet, and where the owner stops them. */
export const STARTED = 0;
export const STOP = 8;
export const COUNTER = 0x2004;

function start(vcpu: Vcpu): void {
  vcpu.atomicAdd32(STARTED, 1);
  while (vcpu.read32(STARTED) < 2) vcpu.fence();
}

export const jobs = {
  count(vcpu: Vcpu): void {
    start(vcpu);
    for (let count = 0; count < COUNTS; count++) vcpu.atomicAdd32(COUNTER, 1);
  },
  /** Stores its own bytes only, each beside those of the other. */
  storeBytes(vcpu: Vcpu): number {
    start(vcpu);
    let lost = 0;
    for (let count = 0; count < COUNTS; count++) {
      const at = 0x3000 + ((count & 63) << 1) + vcpu.id;
      vcpu.write8(at, count);
      if (vcpu.read8(at) !== (count & 0xff)) lost++;
    }
    return lost;
  },
  /** Stores ever higher numbers all over the first megabyte until it is stopped; answers how many each page has. */
  dirty(vcpu: Vcpu): Record<number, number> {
    const stored: Record<number, number> = {};
    for (let count = 1; vcpu.read32(STOP) === 0; count++) {
      const page = 16 + vcpu.id + 2 * (Math.imul(count, 0x9e37_79b1) >>> 26);
      vcpu.write32(page * 4096, count);
      stored[page] = count;
    }
    return stored;
  },
  /** Counts in two pages, in one after the other, until it is stopped. */
  pairs(vcpu: Vcpu): number {
    const [first, second] = [0x4000 + 8 * vcpu.id, 0x5000 + 8 * vcpu.id];
    let count = 0;
    while (vcpu.read32(STOP) === 0) {
      vcpu.write32(first, ++count);
      vcpu.write32(second, count);
    }
    return count;
  },
  /** Waits for the owner outside the guest, then looks. */
  sleep(vcpu: Vcpu): number {
    vcpu.leave();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    return vcpu.read32(COUNTER);
  },
};

export type JobName = keyof typeof jobs;
