import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVm } from './create-vm.ts';

const PAGE = 4096;
const PAGES = 16;
const makeVm = (spareFrames = 200, vcpus = 1) => {
  const vm = createVm({ memory: PAGES * PAGE, spareFrames, vcpus, shared: false });
  const vcpu = vm.vcpu(0);
  return {
    vm,
    vcpu,
    write: (page: number, value: number) => vcpu.write32(page * PAGE + 8, value),
    read: (page: number) => vcpu.read32(page * PAGE + 8),
  };
};

describe('a snapshot', () => {
  it('keeps what the guest overwrites', () => {
    const { vm, write, read } = makeVm();
    write(3, 1);
    const snapshot = vm.snapshot();
    write(3, 2);
    const now = read(3);
    vm.restore(snapshot);
    expect([now, read(3)]).toEqual([2, 1]);
  });

  it('keeps a page that was never touched as zeros', () => {
    const { vm, write, read } = makeVm();
    const snapshot = vm.snapshot();
    write(3, 2);
    vm.restore(snapshot);
    expect(read(3)).toBe(0);
  });

  it('can be restored again and again, in any order, whatever the guest does in between', () => {
    const step = fc.oneof(
      fc.record({
        write: fc.integer({ min: 0, max: PAGES - 1 }),
        value: fc.integer({ min: 1, max: 99 }),
      }),
      fc.constant('snapshot' as const),
      fc.record({ restore: fc.nat(9) }),
      fc.record({ release: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { vm, write, read } = makeVm();
        let now = new Array<number>(PAGES).fill(0);
        const kept: { snapshot: ReturnType<typeof vm.snapshot>; content: number[] }[] = [];
        for (const step of steps) {
          if (step === 'snapshot') {
            if (kept.length < 10) kept.push({ snapshot: vm.snapshot(), content: [...now] });
          } else if ('write' in step) {
            write(step.write, step.value);
            now[step.write] = step.value;
          } else if ('restore' in step) {
            const one = kept[step.restore];
            if (one === undefined) continue;
            vm.restore(one.snapshot);
            now = [...one.content];
          } else {
            for (const { snapshot } of kept.splice(step.release, 1)) snapshot.release();
          }
          expect(Array.from({ length: PAGES }, (_, page) => read(page))).toEqual(now);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('says how many pages it has, and how many changed since the last', () => {
    const { vm, write } = makeVm();
    for (const page of [1, 2, 3]) write(page, 1);
    const first = vm.snapshot();
    write(2, 2);
    const second = vm.snapshot();
    expect([first, second]).toMatchObject([
      { pages: 3, changed: 3 },
      { pages: 3, changed: 1 },
    ]);
  });

  it('holds no more than what the guest has changed since', () => {
    const { vm, write } = makeVm();
    for (const page of [1, 2, 3]) write(page, 1);
    const snapshot = vm.snapshot();
    const held = [vm.snapshotBytes];
    write(2, 2);
    held.push(vm.snapshotBytes);
    snapshot.release();
    held.push(vm.snapshotBytes);
    expect(held).toEqual([0, PAGE, 0]);
  });

  it('can be read while the guest goes on', () => {
    const { vm, vcpu } = makeVm();
    vcpu.writeBytes(PAGE - 2, Uint8Array.of(1, 2, 3, 4));
    const snapshot = vm.snapshot();
    vcpu.writeBytes(PAGE - 2, Uint8Array.of(5, 6, 7, 8));
    const found = new Uint8Array(4);
    snapshot.readBytes(PAGE - 2, found);
    const beyond = new Uint8Array(2);
    snapshot.readBytes(PAGES * PAGE - 1, beyond);
    expect([...found, ...beyond]).toEqual([1, 2, 3, 4, 0, 0xff]);
  });

  it('of a page that two vCPUs of one thread have in their TLBs is what both wrote before it', () => {
    const { vm, write, read } = makeVm(200, 2);
    const other = vm.vcpu(1);
    write(3, 1);
    other.write32(3 * PAGE + 12, 2);
    const snapshot = vm.snapshot();
    expect([read(3), other.read32(3 * PAGE + 12)]).toEqual([1, 2]);
    write(3, 5); // breaks sharing while the other vCPU is in the guest
    expect(other.read32(3 * PAGE + 8)).toBe(5);
    vm.restore(snapshot);
    expect([read(3), other.read32(3 * PAGE + 8)]).toEqual([1, 1]);
  });
});

describe('restoring', () => {
  it('tells dirty-log clients what it changed', () => {
    const { vm, write } = makeVm();
    for (const page of [1, 2, 3]) write(page, 1);
    const snapshot = vm.snapshot();
    write(2, 2);
    const client = vm.dirtyClient('screen');
    expect([vm.restore(snapshot), client.take(), vm.restore(snapshot), client.take()]).toEqual([
      1,
      [2],
      0,
      [],
    ]);
  });

  it('voids translations', () => {
    const { vm, vcpu } = makeVm();
    vcpu.translate(3 * PAGE, 'write');
    const snapshot = vm.snapshot();
    vcpu.translate(3 * PAGE, 'write');
    let flushes = 0;
    vcpu.onFlush(() => flushes++);
    vm.restore(snapshot);
    vcpu.translate(3 * PAGE, 'read');
    expect([flushes > 0, vcpu.writable]).toEqual([true, false]);
  });

  it('needs a snapshot that is there', () => {
    const { vm } = makeVm();
    const snapshot = vm.snapshot();
    snapshot.release();
    expect(() => vm.restore(snapshot)).toThrow('expected a snapshot of this VM');
    expect(() => vm.restore(makeVm().vm.snapshot())).toThrow('got one of another');
  });
});

describe('too few spare frames for a snapshot', () => {
  const full = () => {
    const made = makeVm(4);
    for (let page = 0; page < 5; page++) made.write(page, page + 1);
    return made;
  };

  it('are reported with how many it takes', () => {
    expect(() => full().vm.snapshot()).toThrow(
      'expected 16 free frames, one for each page that the guest may write after a snapshot, got 15; ' +
        'release snapshots, or make the VM with { spareFrames: 5 } or more',
    );
  });

  it('leave everything as it was', () => {
    const { vm, write, read } = full();
    expect(() => vm.snapshot()).toThrow(RangeError);
    for (let page = 0; page < PAGES; page++) write(page, page + 100);
    expect([read(0), read(15), vm.snapshotBytes]).toEqual([100, 115, 0]);
  });

  it('are enough as told, whatever the guest writes then', () => {
    const { vm, write, read } = makeVm(5);
    for (let page = 0; page < 5; page++) write(page, page + 1);
    const snapshot = vm.snapshot();
    for (let page = 0; page < PAGES; page++) write(page, page + 100);
    vm.restore(snapshot);
    for (let page = 0; page < PAGES; page++) write(page, page + 200);
    expect([read(0), read(15)]).toEqual([200, 215]);
  });
});

describe('the snapshot taken after the last one was released', () => {
  it('counts a page that was stored to in place as changed', () => {
    const vm = createVm({ memory: 16 * 4096 });
    const vcpu = vm.vcpu(0);
    vcpu.write32(0, 1);
    vm.snapshot().release();
    vcpu.write32(0, 2);
    expect(vm.snapshot().changed).toBe(1);
  });
});
