// The first state of a small VM, and what its threads do most.
import {
  modeAddress,
  requestsAddress,
  type SeamMap,
  type Shared,
  synchronize,
} from '@faultline/atomics';
import {
  createMemslot,
  enterGuest,
  entryAt,
  type Gfn,
  type Gpa,
  getDirtyLog,
  gfnToGpa,
  type Hvn,
  hostPtep,
  initRoots,
  leaveGuest,
  type Memslot,
  newVcpu,
  type Pfn,
  pushFreePage,
  read32,
  type Sptep,
  takeDirty,
  type Vcpu,
  type Vm,
  write32,
} from '@faultline/mmu';

export const gfn0: Gfn = 0 as Gfn;
export const gfn1: Gfn = 1 as Gfn;
export const hvn0: Hvn = 0 as Hvn;
export const hvn1: Hvn = 1 as Hvn;

/** The leaf of `gfn` where the root holds the leaves: in a page table of one level, under the root that a VM begins with. */
export const leafAt = (vm: Vm, gfn: Gfn): Sptep => entryAt(vm, vm.roots[0], gfn, 1);
export const hostPte = (mem: Shared, vm: Vm, hvn: Hvn): number => mem.load32(hostPtep(vm, hvn));

/** The seam as the bodies of a small VM use it: `synchronize` is the shipped one, over words, and not the search's own. */
export function prepareSeam(mem: Shared, map: SeamMap): Shared {
  mem.synchronize = () => synchronize(mem, map);
  return mem;
}

/** As initVm, for a host that has the frames `pfns`; slot 0 is all of the memory. */
export function initSmallVm(
  mem: Shared,
  vm: Vm,
  { pfns, flags }: { readonly pfns: readonly number[]; readonly flags: number },
): void {
  for (const root of vm.roots) {
    const frame = mem.alloc();
    if (frame !== root) {
      throw new Error(`expected setup's next frame to be 0x${root.toString(16)}, got ${frame}`);
    }
  }
  initRoots(mem, vm);
  for (const pfn of pfns.toReversed()) pushFreePage(mem, vm, pfn as Pfn);
  const slot = { id: 0, baseGfn: gfn0, npages: vm.hostPages, hvn: hvn0, flags };
  createMemslot(mem, vm, slot);
}

/** After setup: nobody is anywhere, and nobody has been asked for anything. */
export function settle(mem: Shared, vm: Vm): void {
  for (let thread = 0; thread < vm.vcpus + vm.agents; thread++) {
    mem.store32(modeAddress(thread), 0);
    mem.store32(requestsAddress(thread), 0);
  }
}

/** One stay in the guest. */
export function inGuest<Result>(
  mem: Shared,
  vm: Vm,
  vcpu: Vcpu,
  body: (mem: Shared, vm: Vm, vcpu: Vcpu) => Result,
): Result {
  enterGuest(mem, vm, vcpu);
  const result = body(mem, vm, vcpu);
  leaveGuest(mem, vcpu);
  return result;
}

/** The vCPU has read the memslots before. */
export function rememberMemslots(vcpu: Vcpu, generation: number, slots: readonly Memslot[]): void {
  Object.assign(vcpu.fault.memslots, { generation, slots, last: slots[0] });
}

const gpaOf = (gfn: Gfn, word: number): Gpa => (gfnToGpa(gfn) + word * 4) as Gpa;

/** A vCPU stores `value` to a word of the page `gfn`. */
export const guestWrite =
  (gfn: Gfn, value: number, word = 0) =>
  (mem: Shared, vm: Vm, vcpu: Vcpu): boolean =>
    write32(mem, vm, vcpu, gpaOf(gfn, word), value);

/** A vCPU loads a word of the page `gfn`. */
export const guestRead =
  (gfn: Gfn, word = 0) =>
  (mem: Shared, vm: Vm, vcpu: Vcpu): number =>
    read32(mem, vm, vcpu, gpaOf(gfn, word));

/** In setup: vCPU 0 writes the page, so that it is mapped writable and marked. */
export function touch(mem: Shared, vm: Vm, gfn: Gfn, value = 0): void {
  inGuest(mem, vm, newVcpu(0), guestWrite(gfn, value));
}

/** In setup: the log is taken and forgotten, so that every leaf is write-protected and the next store faults. */
export function harvestAll(mem: Shared, vm: Vm): void {
  getDirtyLog(mem, vm, 0);
  for (let client = 0; client < vm.dirtyClients; client++) {
    takeDirty(mem, vm, { hvn: hvn0, npages: vm.hostPages }, client, () => {});
  }
}
