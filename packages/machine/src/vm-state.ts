// What of a VM goes along beside its memory: its slots, how many vCPUs it has, and the author's own state, bytes that only the
// author can read. In numbers of 32 bits: vCPUs, slots; of each slot id, first gfn, pages, first hvn, flags; then the author's.
import { PAGE_SIZE } from '@faultline/mmu';
import { MigrationError } from './migrate/failure.ts';
import { numbersPayload } from './migrate/records.ts';
import type { Slot } from './slots.ts';

/** A VM without its memory. */
export interface VmState {
  readonly vcpus: number;
  readonly slots: readonly Slot[];
  readonly device: Uint8Array;
}

const FIXED = 2;
const PER_SLOT = 5;

export function packState({ vcpus, slots, device }: VmState): Uint8Array {
  const inPages = ({ id, gpa, bytes, offset, flags }: Slot): number[] => {
    return [id, gpa / PAGE_SIZE, bytes / PAGE_SIZE, offset / PAGE_SIZE, flags];
  };
  const numbers = numbersPayload(vcpus, slots.length, ...slots.flatMap(inPages));
  const packed = new Uint8Array(numbers.length + device.length);
  packed.set(numbers);
  packed.set(device, numbers.length);
  return packed;
}

/** Throws a MigrationError for what `packState` does not write. */
export function unpackState(packed: Uint8Array): VmState {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const number = (index: number): number => view.getUint32(index * 4, true);
  const count = packed.length < FIXED * 4 ? 0 : number(1);
  const end = (FIXED + count * PER_SLOT) * 4;
  if (packed.length < end) {
    const expected = `the state of a VM with ${count} slots, in ${end} bytes or more`;
    throw new MigrationError('damaged', `expected ${expected}, got ${packed.length} bytes`);
  }
  const slots = Array.from({ length: count }, (_, slot): Slot => {
    const at = FIXED + slot * PER_SLOT;
    const bytes = (index: number): number => number(at + index) * PAGE_SIZE;
    return {
      id: number(at),
      gpa: bytes(1),
      bytes: bytes(2),
      offset: bytes(3),
      flags: number(at + 4),
    };
  });
  return { vcpus: number(0), slots, device: packed.slice(end) };
}
