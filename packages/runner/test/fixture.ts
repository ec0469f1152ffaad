// A machine whose threads all live in one: each vCPU is in the guest for the length of an access only, so that whoever acts
// between two of them need not wait for it.
import { connectThread, type Shared, type WasmShared } from '@faultline/atomics';
import {
  createMemslot,
  type Gfn,
  type Hvn,
  hostPtep,
  KVM_MEM_LOG_DIRTY_PAGES,
  leaveGuest,
  newVcpu,
  PAGE_WORDS,
  type Vm,
  type VmOptions,
} from '@faultline/mmu';
import { Guest } from '../src/guests/guest.ts';
import { AGENTS, createMachine, type Machine, type Region } from '../src/machine.ts';

export const GFN = 0x100;

export interface OneThread {
  readonly machine: Machine;
  readonly vm: Vm;
  readonly region: Region;
  /** The VMM's handle. */
  readonly mem: WasmShared;
  /** Writes a word of page `page` as vCPU 0, and into the ledger. */
  write(page: number, value: number, word?: number): void;
  read(page: number, word?: number): number;
}

/** A machine with one logged slot over all of its `pages`. */
export function oneThread(pages: number, options: Partial<VmOptions> = {}): OneThread {
  const machine = createMachine({ vcpus: 1, hostPages: pages, dirtyClients: 2, ...options });
  const { vm, memory } = machine;
  const region: Region = { slot: 0, gfn: GFN, npages: pages, hvn: 0 };
  const mem = connectThread(memory, vm.vcpus + AGENTS.vmm);
  const flags = KVM_MEM_LOG_DIRTY_PAGES;
  createMemslot(mem, vm, { id: 0, baseGfn: GFN as Gfn, npages: pages, hvn: 0 as Hvn, flags });
  const vcpuMem = connectThread(memory, 0);
  const vcpu = newVcpu(0);
  const guest = new Guest(vcpuMem, machine, vcpu, [region]);
  const outside = <Result>(result: Result): Result => {
    leaveGuest(vcpuMem, vcpu);
    return result;
  };
  return {
    machine,
    vm,
    region,
    mem,
    write: (page, value, word = 0) => outside(guest.put(GFN + page, page, word, value)),
    read: (page, word = 0) => outside(guest.load(GFN + page, word)),
  };
}

export const hostPteOf = ({ mem, vm }: OneThread, page: number): number =>
  mem.load32(hostPtep(vm, page as Hvn));

/** Word `word` of page `page` in a memory that is indexed by host page. */
export const wordAt = (page: number, word = 0): number => page * PAGE_WORDS + word;

/** `mem`, with `act` done once: right before the first guest load at which `when` holds. */
export function beforeLoad(mem: Shared, act: () => void, when: () => boolean = () => true): Shared {
  let done = false;
  return new Proxy(mem, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === 'guestLoad' && !done && when()) {
          done = true;
          act();
        }
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}
