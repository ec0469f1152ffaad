// A VM that never has more than one memslot: the places of the others hold 0 all the time, and storing 0 there once more is
// no step. Sound, because nobody can tell; checked, because another value throws.
import type { Shared } from '@faultline/atomics';
import { sharedWords, type Vm } from '@faultline/mmu';

const SLOT_BYTES = 16;

export function withOneSlot(mem: Shared, vm: Vm): Shared {
  const { memslot_arrays: bytes } = sharedWords(vm);
  const isAnotherSlots = (address: number): boolean => {
    const offset = address - vm.at.memslot_arrays;
    return offset >= 0 && offset < bytes && offset % (bytes / 2) >= SLOT_BYTES;
  };
  const store32 = mem.store32.bind(mem);
  mem.store32 = (address, value) => {
    if (!isAnotherSlots(address)) store32(address, value);
    else if (value !== 0) {
      throw new Error(
        `expected one memslot at most, got ${value} for another; usual cause: a slot added before the other was deleted`,
      );
    }
  };
  return mem;
}
