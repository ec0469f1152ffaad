import { describe, expect, it } from 'vitest';
import { createVm } from './create-vm.ts';

const PAGE = 4096;
const makeVm = (dirtyClients = 2) => {
  const vm = createVm({ memory: 64 * PAGE, dirtyClients });
  const vcpu = vm.vcpu(0);
  return { vm, vcpu, touch: (page: number) => vcpu.write8(page * PAGE + 5, 1) };
};

describe('a dirty-log client', () => {
  it('is told each page once, by whatever it was stored to', () => {
    const { vm, vcpu } = makeVm();
    vcpu.read32(50 * PAGE);
    const client = vm.dirtyClient('a');
    vcpu.write8(9 * PAGE, 1);
    vcpu.write16(3 * PAGE - 1, 1);
    vcpu.atomicAdd32(20 * PAGE, 0);
    vm.writeBytes(40 * PAGE, Uint8Array.of(1));
    vcpu.read32(50 * PAGE);
    expect([client.take(), client.take()]).toEqual([[2, 3, 9, 20, 40], []]);
  });

  it('is told of a page that is loaded from before anybody has stored to it', () => {
    const { vm, vcpu } = makeVm();
    const client = vm.dirtyClient('a');
    vcpu.read32(50 * PAGE);
    expect([client.take(), client.take()]).toEqual([[50], []]);
  });

  it('is told nothing of what was before it', () => {
    const { vm, touch } = makeVm();
    touch(1);
    const first = vm.dirtyClient('first');
    touch(2);
    const second = vm.dirtyClient('second');
    touch(3);
    expect([first.take(), second.take()]).toEqual([[2, 3], [3]]);
  });

  it('is told what others were told before', () => {
    const { vm, touch } = makeVm();
    const [a, b] = [vm.dirtyClient('a'), vm.dirtyClient('b')];
    touch(1);
    a.take();
    touch(2);
    expect([a.take(), b.take()]).toEqual([[2], [1, 2]]);
  });

  it('is told of stores to slots that were added later', () => {
    const { vm, touch } = makeVm();
    const client = vm.dirtyClient('a');
    vm.slots.remove(0);
    vm.slots.add({ id: 1, gpa: 4 * PAGE, bytes: 4 * PAGE, offset: 0 });
    touch(5);
    expect(client.take()).toEqual([5]);
  });

  it('cannot be asked once it is closed', () => {
    const { vm } = makeVm();
    const client = vm.dirtyClient('a');
    client.close();
    expect(() => client.take()).toThrow('expected dirty-log client "a" to be open');
  });

  it('begins anew where another has been', () => {
    const { vm, touch } = makeVm(1);
    const first = vm.dirtyClient('first');
    touch(1);
    first.close();
    touch(2);
    const second = vm.dirtyClient('second');
    touch(3);
    expect(second.take()).toEqual([3]);
  });

  it('is one of so many', () => {
    const { vm } = makeVm(1);
    vm.dirtyClient('a');
    expect(() => vm.dirtyClient('b')).toThrow('got 1 at most; open: a');
  });
});

describe('the dirty log', () => {
  it('is on for as long as there is a client', () => {
    const { vm } = makeVm();
    const flags = () => vm.slots.list().map((slot) => slot.flags);
    const seen = [flags()];
    const [a, b] = [vm.dirtyClient('a'), vm.dirtyClient('b')];
    a.close();
    seen.push(flags());
    b.close();
    seen.push(flags());
    expect(seen).toEqual([[0], [1], [0]]);
  });
});

describe('a slot that is removed while it is logged', () => {
  it('is added again with what was stored to it before', () => {
    const { vm, touch } = makeVm();
    const client = vm.dirtyClient('a');
    touch(7);
    vm.slots.remove(0);
    vm.slots.add({ id: 0, gpa: 128 * PAGE, bytes: 64 * PAGE, offset: 0 });
    expect([client.take(), client.take()]).toEqual([[135], []]);
  });
});
