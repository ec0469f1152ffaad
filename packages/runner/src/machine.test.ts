import { vmConfig } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { createMachine, createPages, MOST_PAGES, MOST_VCPUS } from './machine.ts';

describe('a new machine', () => {
  it('has a ledger of zeros, a word for each word of its guest', () => {
    const { ledger } = createMachine({ vcpus: 1, hostPages: 8 });
    expect([ledger.length, ledger.some((word) => word !== 0)]).toEqual([8 * 1024, false]);
  });

  it('has a word per vCPU that says how far it has come, each on a cache line of its own', () => {
    const { control } = createMachine({ vcpus: 3, hostPages: 8 });
    const lines = [control.stop, control.epoch, control.ksm, ...control.reached].map(
      (at) => at / 64,
    );
    expect([new Set(lines).size, lines.every(Number.isInteger)]).toEqual([6, true]);
  });

  it('can be handed to another thread: it is plain data over shared memory', () => {
    const machine = createMachine({ vcpus: 1, hostPages: 8 });
    const copy = structuredClone(machine);
    machine.ledger[5] = 7;
    expect(copy.ledger[5]).toBe(7);
  });
});

describe('the limits of a machine', () => {
  it('are what the MMU takes, in pages', () => {
    expect(() => vmConfig({ vcpus: 1, hostPages: MOST_PAGES })).not.toThrow();
    expect(() => vmConfig({ vcpus: 1, hostPages: MOST_PAGES + 1 })).toThrow(RangeError);
  });

  it('are what the MMU takes, in vCPUs', () => {
    expect(() => vmConfig({ vcpus: MOST_VCPUS, hostPages: 1 })).not.toThrow();
    expect(() => vmConfig({ vcpus: MOST_VCPUS + 1, hostPages: 1 })).toThrow(RangeError);
  });
});

describe('more than can be had', () => {
  it('of guest memory is a RangeError that says how much it was', () => {
    expect(() => createPages(2 ** 32)).toThrow(
      new RangeError('expected 16384.00 GiB of shared memory, which this host does not give'),
    );
  });

  it('of page tables is a RangeError that says how much it was, and of what', () => {
    expect(() => createMachine({ vcpus: 1, hostPages: 1, tableFrames: 2 ** 20 })).toThrow(
      new RangeError(
        'expected at most 2 GiB of page tables, locks and bitmaps, got 4.0 GiB (1048576 frames of 4096 bytes); ' +
          'usual cause: a guest that is too large',
      ),
    );
  });

  it.each([0, 65, 2.5])('of vCPUs, or less than one, is a RangeError: %d', (vcpus) => {
    expect(() => createMachine({ vcpus, hostPages: 1 })).toThrow(
      new RangeError(`expected vcpus between 1 and 64, got ${vcpus}`),
    );
  });
});
