import { describe, expect, it, vi } from 'vitest';
import { createVm } from './create-vm.ts';

const KIB = 1024;

describe('a VM of one thread', () => {
  it('has all its memory at gpa 0, zeroed', () => {
    const vm = createVm({ memory: 64 * KIB });
    const found = new Uint8Array(64 * KIB).fill(1);
    vm.readBytes(0, found);
    expect(found.every((byte) => byte === 0)).toBe(true);
  });

  it('shares nothing', () => {
    const vm = createVm({ memory: 64 * KIB });
    expect([vm.shared, vm.ram.buffer.constructor.name]).toEqual([false, 'ArrayBuffer']);
  });

  it('has no handle, and says what to do', () => {
    const vm = createVm({ memory: 64 * KIB });
    expect(() => vm.handle).toThrow('expected a VM made with { shared: true }');
  });

  it('shows its owner what a vCPU stored, and a vCPU what its owner stored', () => {
    const vm = createVm({ memory: 64 * KIB });
    vm.vcpu(0).write32(0x1ffe, 0x0403_0201);
    const found = new Uint8Array(4);
    vm.readBytes(0x1ffe, found);
    vm.writeBytes(0x2fff, Uint8Array.of(7, 8));
    expect([[...found], vm.vcpu(0).read16(0x2fff)]).toEqual([[1, 2, 3, 4], 0x0807]);
  });

  it('runs several vCPUs by turns', () => {
    const vm = createVm({ memory: 64 * KIB, vcpus: 2, shared: false });
    vm.vcpu(0).write32(0, 5);
    expect(vm.vcpu(1).atomicAdd32(0, 1)).toBe(5);
    expect(vm.vcpu(0).read32(0)).toBe(6);
  });
});

describe('a VM of several vCPUs', () => {
  it('is shared unless told otherwise', () => {
    const vm = createVm({ memory: 64 * KIB, vcpus: 2 });
    expect([vm.shared, vm.ram.buffer.constructor.name]).toEqual([true, 'SharedArrayBuffer']);
  });

  it('falls back to one thread where the host cannot share', () => {
    vi.stubGlobal('crossOriginIsolated', false);
    expect(createVm({ memory: 64 * KIB, vcpus: 2 }).shared).toBe(false);
    vi.unstubAllGlobals();
  });

  it('refuses to where sharing was asked for', () => {
    vi.stubGlobal('crossOriginIsolated', false);
    const make = () => createVm({ memory: 64 * KIB, vcpus: 2, shared: true });
    expect(make).toThrow('not cross-origin isolated');
    vi.unstubAllGlobals();
  });

  it('lets one at a time be a vCPU', () => {
    const vm = createVm({ memory: 64 * KIB, vcpus: 2 });
    vm.vcpu(1).disconnect();
    expect(vm.vcpu(1).connected).toBe(true);
  });
});

describe('a VM that cannot be', () => {
  it.each([
    [{ memory: 0 }, 'expected memory in multiples of 4096 bytes, got 0'],
    [{ memory: 5000 }, 'expected memory in multiples of 4096 bytes, got 5000'],
    [{ memory: 4096, vcpus: 64 }, 'expected vcpus between 1 and 63, got 64'],
    [{ memory: 2 ** 32 }, 'expected memory and spare frames below 4 GiB together, got 4.50 GiB'],
    [{ memory: 4096, mmu: { dirtyRing: 8 } }, 'expected a log that dirty clients can share'],
    [
      { memory: 4096, mmu: { manualDirtyLogProtect: 'enable' } as const },
      'expected a log that dirty clients can share',
    ],
    [{ memory: 4096, dirtyClients: 33 }, 'expected dirtyClients between 0 and 32, got 33'],
  ])('%j is refused', (options, message) => {
    expect(() => createVm(options)).toThrow(message);
  });
});
