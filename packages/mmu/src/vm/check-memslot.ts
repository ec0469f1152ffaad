// What a VMM may ask of its memslots. Each refusal is a RangeError that says what was expected of which slot.
// KVM: __kvm_set_memory_region(), check_memory_region_flags(), which answer EINVAL or EEXIST.
import { MEMSLOTS, type Vm } from '../memory-map.ts';
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, type Memslot } from './memslots.ts';

const VALID_FLAGS = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;

export function checkFlags(flags: number): void {
  if (Number.isInteger(flags) && (flags & ~VALID_FLAGS) === 0) return;
  throw new RangeError(
    `expected no flag but KVM_MEM_LOG_DIRTY_PAGES (0x1) and KVM_MEM_READONLY (0x2), got 0x${flags.toString(16)}`,
  );
}

/** A slot that has been written cannot become one that never was, nor the other way round, without a deletion between. */
export function checkNewFlags({ id, flags: old }: Memslot, flags: number): void {
  checkFlags(flags);
  if (((old ^ flags) & KVM_MEM_READONLY) === 0) return;
  const is = (old & KVM_MEM_READONLY) === 0 ? 'without' : 'with';
  throw new RangeError(
    `expected slot ${id} to stay ${is} KVM_MEM_READONLY, got flags 0x${flags.toString(16)}; delete it and create it anew`,
  );
}

/** `slot` beside all `others`. */
export function checkMemslot(vm: Vm, others: readonly Memslot[], slot: Memslot): void {
  const { id, baseGfn, npages, hvn } = slot;
  const refuse = (expected: string): never => {
    throw new RangeError(`expected ${expected}, got ${describe(slot)}`);
  };
  checkFlags(slot.flags);
  if (![id, baseGfn, npages, hvn].every(Number.isInteger)) refuse('whole numbers');
  if (!(id >= 0 && id < MEMSLOTS)) refuse(`a slot id below ${MEMSLOTS}`);
  if (!(npages > 0)) refuse('at least one page');
  if (!(baseGfn >= 0 && baseGfn + npages <= vm.gfnLimit)) {
    refuse(`guest frames below 0x${vm.gfnLimit.toString(16)}`);
  }
  if (!(hvn >= 0 && hvn + npages <= vm.hostPages)) refuse(`host pages below ${vm.hostPages}`);
  for (const other of others) {
    if (other.id === id) refuse('a slot id that is not in use');
    const apart = (a: number, b: number) => a + npages <= b || b + other.npages <= a;
    if (!apart(baseGfn, other.baseGfn)) refuse(`no overlap in the guest with slot ${other.id}`);
    if (!apart(hvn, other.hvn)) refuse(`no overlap in the host with slot ${other.id}`);
  }
}

const describe = ({ id, baseGfn, npages, hvn }: Memslot): string =>
  `slot ${id}, gfn 0x${baseGfn.toString(16)} + ${npages} pages at host page ${hvn}`;
