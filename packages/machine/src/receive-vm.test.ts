import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVm } from './create-vm.ts';
import { MigrationError } from './migrate/failure.ts';
import { type LoadedVm, loadVm } from './receive-vm.ts';
import type { Snapshot } from './snapshots.ts';
import type { Vm } from './vm.ts';

const PAGE = 4096;
const STATE = Uint8Array.of(1, 2, 3);
const slots = [
  { id: 0, gpa: 0, bytes: 4 * PAGE, offset: 0 },
  { id: 1, gpa: 0x8000_0000, bytes: 2 * PAGE, offset: 4 * PAGE },
];
const makeVm = (): Vm => createVm({ memory: 8 * PAGE, slots, spareFrames: 32 });

async function bytesOf(snapshot: Snapshot, state = STATE): Promise<Uint8Array> {
  const pieces: number[] = [];
  await snapshot.save((bytes) => void pieces.push(...bytes), { state });
  return Uint8Array.from(pieces);
}

const load = (bytes: Uint8Array): Promise<LoadedVm> => loadVm([bytes]);

describe('a snapshot that was saved', () => {
  it('is loaded as a VM with its memory, its slots and its state', async () => {
    const vm = makeVm();
    vm.vcpu(0).write32(0x8000_1004, 5);
    vm.dirtyClient('beside it'); // whose logging is no flag of the slot
    const { vm: loaded, state, normal, duplicate } = await load(await bytesOf(vm.snapshot()));
    expect([loaded.vcpu(0).read32(0x8000_1004), state, normal, duplicate]).toEqual([
      5,
      STATE,
      1,
      7,
    ]);
    expect(loaded.slots.list()).toEqual(slots.map((slot) => ({ ...slot, flags: 0 })));
  });

  it('is of its moment, whatever the guest stores while it is written', async () => {
    const vm = makeVm();
    const vcpu = vm.vcpu(0);
    for (let page = 0; page < 4; page++) vcpu.write32(page * PAGE, page + 1);
    const pieces: Uint8Array[] = [];
    await vm.snapshot().save(async (bytes) => {
      pieces.push(bytes.slice());
      for (let page = 0; page < 4; page++) vcpu.write32(page * PAGE, 99);
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    const { vm: loaded } = await loadVm(pieces);
    const read = (of: Vm): number[] => [0, 1, 2, 3].map((page) => of.vcpu(0).read32(page * PAGE));
    expect([read(loaded), read(vm)]).toEqual([
      [1, 2, 3, 4],
      [99, 99, 99, 99],
    ]);
  });

  it('brings memory that no slot shows', async () => {
    const vm = makeVm();
    vm.vcpu(0).write32(0x8000_0000, 5);
    vm.slots.remove(1);
    const { vm: loaded } = await load(await bytesOf(vm.snapshot()));
    loaded.slots.add(slots[1] as (typeof slots)[0]);
    expect(loaded.vcpu(0).read32(0x8000_0000)).toBe(5);
  });

  it('is refused whatever byte is another, and at whatever byte it is cut; where is said', async () => {
    const vm = makeVm();
    vm.vcpu(0).write32(8, 5);
    const bytes = await bytesOf(vm.snapshot());
    const bent = fc.record({
      at: fc.nat(bytes.length - 1),
      change: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(bent, async ({ at, change }) => {
        const copy = change === 0 ? bytes.slice(0, at) : bytes.slice();
        if (change !== 0) copy[at] = (copy[at] as number) ^ change;
        const error: unknown = await load(copy).catch((refusal) => refusal);
        expect(error).toBeInstanceOf(MigrationError);
        expect((error as Error).message).toMatch(/^byte \d+: expected /);
      }),
      { numRuns: 200 },
    );
  });

  it('cannot be written once it is released', async () => {
    const snapshot = makeVm().snapshot();
    const saving = snapshot.save(() => snapshot.release());
    await expect(saving).rejects.toThrow('expected a snapshot of this VM, got one of another');
  });

  it('may have as much state as a record has room for', async () => {
    const snapshot = makeVm().snapshot();
    const state = new Uint8Array(2 ** 26);
    await expect(snapshot.save(() => {}, { state })).rejects.toThrow(
      'expected at most 67108864 bytes of state',
    );
  });
});
