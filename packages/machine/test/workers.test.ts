import { afterEach, describe, expect, it } from 'vitest';
import { connectVcpu } from '../src/connect-vcpu.ts';
import { createVm } from '../src/create-vm.ts';
import { type ReceivedVm, receiveVm } from '../src/receive-vm.ts';
import type { Snapshot } from '../src/snapshots.ts';
import type { Vm } from '../src/vm.ts';
import { channelPair } from './channel-pair.ts';
import { COUNTER, COUNTS, STOP } from './jobs.ts';
import { endWorkers, onWorkers } from './on-workers.ts';

const MIB = 2 ** 20;
const makeVm = (): Vm => createVm({ memory: MIB, vcpus: 2 });
const word = (vm: Vm, gpa: number): number => {
  const bytes = new Uint8Array(4);
  vm.readBytes(gpa, bytes);
  return new DataView(bytes.buffer).getInt32(0, true);
};

afterEach(endWorkers);

describe('two vCPUs on two threads', () => {
  it('lose no count by atomicAdd32', async () => {
    const vm = makeVm();
    await onWorkers(vm, 'count', 'count');
    expect(word(vm, COUNTER)).toBe(2 * COUNTS);
  });

  it('lose no byte that one of them stores beside the other', async () => {
    expect(await onWorkers(makeVm(), 'storeBytes', 'storeBytes')).toEqual([0, 0]);
  });

  it('are told nothing while they sleep outside, and wake to what was done', async () => {
    const vm = makeVm();
    const answers = onWorkers(vm, 'sleep', 'sleep');
    vm.dirtyClient('a').take();
    vm.writeBytes(COUNTER, Uint8Array.of(7, 0, 0, 0));
    expect(await answers).toEqual([7, 7]);
  });
});

describe('a dirty-log client beside two vCPUs that store', () => {
  it('has copied all memory when it has copied what it was told', async () => {
    const vm = makeVm();
    const client = vm.dirtyClient('copier');
    const copy = new Uint8Array(MIB);
    const take = (): number[] => {
      const pages = client.take();
      for (const page of pages) {
        vm.readBytes(page * 4096, copy.subarray(page * 4096, (page + 1) * 4096));
      }
      return pages;
    };
    const answers = onWorkers(vm, 'dirty', 'dirty');
    let told = 0;
    while (told < 2000) {
      told += take().length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    vm.writeBytes(STOP, Uint8Array.of(1));
    const stored = Object.assign({}, ...(await answers)) as Record<string, number>;
    take();
    const view = new DataView(copy.buffer);
    const found = Object.keys(stored).map((page) => [
      page,
      view.getInt32(Number(page) * 4096, true),
    ]);
    expect(Object.fromEntries(found)).toEqual(stored);
  });
});

describe('a slot that comes and goes beside two vCPUs that store to it', () => {
  it('loses nothing of what a dirty-log client is told', async () => {
    const half = { id: 1, gpa: 0x10000, bytes: MIB - 0x10000, offset: 0x10000 };
    const slots = [{ id: 0, gpa: 0, bytes: 0x10000, offset: 0 }, half];
    const vm = createVm({ memory: MIB, vcpus: 2, slots });
    const client = vm.dirtyClient('copier');
    const copy = new Uint8Array(MIB);
    const take = (): void => {
      for (const page of client.take()) {
        vm.readBytes(page * 4096, copy.subarray(page * 4096, (page + 1) * 4096));
      }
    };
    const answers = onWorkers(vm, 'dirty', 'dirty');
    for (let turn = 0; turn < 200; turn++) {
      vm.slots.remove(1);
      vm.slots.add(half);
      if (turn % 7 === 0) take();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    vm.writeBytes(STOP, Uint8Array.of(1));
    await answers;
    vm.slots.remove(1);
    vm.slots.add(half);
    take();
    const memory = new Uint8Array(MIB);
    vm.readBytes(0, memory);
    expect(Buffer.compare(memory, copy)).toBe(0);
  });
});

describe('a snapshot beside two vCPUs that store', () => {
  it('is memory of one moment, and stays it', async () => {
    const vm = createVm({ memory: MIB, vcpus: 2, spareFrames: 512 });
    const answers = onWorkers(vm, 'pairs', 'pairs');
    const counts = (snapshot: Snapshot): number[] => {
      const bytes = new Uint8Array(0x2000);
      snapshot.readBytes(0x4000, bytes);
      const view = new DataView(bytes.buffer);
      return [0, 0x1000, 8, 0x1008].map((at) => view.getInt32(at, true));
    };
    const seen: { snapshot: Snapshot; counts: number[] }[] = [];
    while (seen.length < 40 || seen.at(-1)?.counts.includes(0)) {
      const snapshot = vm.snapshot();
      seen.push({ snapshot, counts: counts(snapshot) });
      if (seen.length > 40) seen.shift()?.snapshot.release();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    vm.writeBytes(STOP, Uint8Array.of(1));
    await answers;
    for (const { snapshot, counts: then } of seen) {
      expect(counts(snapshot)).toEqual(then);
      const [a, b, c, d] = then as [number, number, number, number];
      expect([a - b, c - d].every((ahead) => ahead === 0 || ahead === 1)).toBe(true);
    }
    vm.restore(seen[0]?.snapshot as Snapshot);
    expect([word(vm, 0x4000), word(vm, 0x5008)]).toEqual([seen[0]?.counts[0], seen[0]?.counts[3]]);
  });
});

/** `stop` is called when the rest fits in the downtime. */
async function migrated(vm: Vm, stop: () => Promise<void>): Promise<ReceivedVm> {
  const [here, there] = channelPair();
  const received = receiveVm({ accept: async () => there, vm: { vcpus: 2 } });
  await vm.migrate([here], { stop: () => stop().then(() => new Uint8Array(0)), resume: () => {} });
  return received;
}

describe('a migration beside two vCPUs that store', () => {
  it('brings all that they have stored until they are stopped', async () => {
    const vm = makeVm();
    const answers = onWorkers(vm, 'dirty', 'dirty');
    while (word(vm, 40 * 4096) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    let stored: Record<number, number> = {};
    const { vm: other } = await migrated(vm, async () => {
      vm.writeBytes(STOP, Uint8Array.of(1));
      stored = Object.assign({}, ...(await answers));
    });
    const found = Object.keys(stored).map((page) => [page, word(other, Number(page) * 4096)]);
    expect(Object.fromEntries(found)).toEqual(stored);
  });

  it('is of one moment though they are not stopped, and they wait until they are let go', async () => {
    const vm = makeVm();
    const answers = onWorkers(vm, 'pairs', 'pairs');
    while (word(vm, 0x5008) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const { vm: other } = await migrated(vm, async () => {});
    const counts = (of: Vm): number[] => [0x4000, 0x5000, 0x4008, 0x5008].map((at) => word(of, at));
    const there = counts(other);
    const [a, b, c, d] = there as [number, number, number, number];
    expect([a - b, c - d].every((ahead) => ahead === 0 || ahead === 1)).toBe(true);
    vm.resume();
    while (counts(vm)[0] === a) await new Promise((resolve) => setTimeout(resolve, 1));
    vm.writeBytes(STOP, Uint8Array.of(1));
    await answers;
    expect(counts(other)).toEqual(there);
  });
});

describe('a vCPU of another thread', () => {
  it('cannot be connected twice', () => {
    const vm = makeVm();
    vm.vcpu(0);
    expect(() => connectVcpu(vm.handle, 0)).toThrow('expected vCPU 0 to be free');
  });

  it('can be connected again once it was disconnected', () => {
    const vm = makeVm();
    vm.vcpu(0).write32(0, 5);
    vm.vcpu(0).disconnect();
    const again = connectVcpu(vm.handle, 0);
    expect(again.read32(0)).toBe(5);
    again.disconnect();
  });
});
