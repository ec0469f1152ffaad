import { describe, expect, it } from 'vitest';
import { createVm } from './create-vm.ts';

const PAGE = 4096;
const vmWithTwo = () =>
  createVm({
    memory: 8 * PAGE,
    slots: [
      { id: 0, gpa: 0, bytes: 4 * PAGE, offset: 0 },
      { id: 1, gpa: 0x8000_0000, bytes: 2 * PAGE, offset: 4 * PAGE },
    ],
  });

describe('slots', () => {
  it('are memory where they say', () => {
    const vcpu = vmWithTwo().vcpu(0);
    vcpu.write32(0x8000_1ffc, 5);
    expect([vcpu.read32(0x8000_1ffc), vcpu.read32(0x8000_2000)]).toEqual([5, -1]);
  });

  it('are listed by gpa, in bytes', () => {
    expect(vmWithTwo().slots.list()).toEqual([
      { id: 0, gpa: 0, bytes: 4 * PAGE, offset: 0, flags: 0 },
      { id: 1, gpa: 0x8000_0000, bytes: 2 * PAGE, offset: 4 * PAGE, flags: 0 },
    ]);
  });

  it('can go and come back under a running vCPU, with their content', () => {
    const vm = vmWithTwo();
    const vcpu = vm.vcpu(0);
    vcpu.write32(0x8000_0000, 5);
    vm.slots.remove(1);
    const gone = vcpu.read32(0x8000_0000);
    vm.slots.add({ id: 2, gpa: 0x9000_0000, bytes: PAGE, offset: 4 * PAGE });
    expect([gone, vcpu.read32(0x9000_0000)]).toEqual([-1, 5]);
  });

  it('have whole pages', () => {
    const vm = createVm({ memory: 8 * PAGE, slots: [] });
    expect(() => vm.slots.add({ id: 0, gpa: 100, bytes: PAGE, offset: 0 })).toThrow(
      'expected gpa of slot 0 to be a multiple of 4096 bytes, got 100',
    );
  });

  it('do not overlap', () => {
    expect(() =>
      vmWithTwo().slots.add({ id: 2, gpa: PAGE, bytes: PAGE, offset: 7 * PAGE }),
    ).toThrow('expected no overlap in the guest with slot 0');
  });
});
