// What threads hand to each other: a VM as structured clone keeps it. Behind the MMU's words lie those of the machine.
import {
  connectAlone,
  connectThread,
  type Ram,
  type SharedMemory,
  type WasmShared,
} from '@faultline/atomics';
import { seamSize, type VmConfig, type Vm as VmWords } from '@faultline/mmu';

/** All that another thread needs of a VM: post it, and connect a vCPU to it there. */
export interface VmHandle {
  /** The words of the MMU and of the machine, and where they lie; not the guest's bytes. */
  readonly memory: SharedMemory;
  /** The MMU's configuration and the addresses of its words. */
  readonly vm: VmWords;
  /** A WebAssembly.Memory: the frames that back the guest's pages, in no order. */
  readonly ram: Ram;
  /** vCPUs that the guest has. One more number belongs to the owner's own accesses. */
  readonly vcpus: number;
  /** May other threads connect? `Vm.handle` hands out no other handle. */
  readonly shared: boolean;
}

const LINE = 64;
export const controlBytes = ({ vcpus }: Pick<VmConfig, 'vcpus'>): number => vcpus * LINE;

/** 1 while some thread is connected as this vCPU. */
const connectedAddress = ({ memory, vm }: VmHandle, vcpu: number): number =>
  memory.map.wordsAt + seamSize(vm).words + vcpu * LINE;

/** The calling thread, as the thread of that number. */
export const connect = (
  { memory, shared }: Pick<VmHandle, 'memory' | 'shared'>,
  thread: number,
): WasmShared => (shared ? connectThread(memory, thread) : connectAlone(memory, thread));

/** Throws when somebody is this vCPU already: two would overwrite each other's mode. */
export function claim(mem: WasmShared, handle: VmHandle, vcpu: number): void {
  if (mem.xchg32(connectedAddress(handle, vcpu), 1) === 0) return;
  throw new Error(
    `expected vCPU ${vcpu} to be free, but it is connected; usual cause: a second connection before disconnect()`,
  );
}

export const giveUp = (mem: WasmShared, handle: VmHandle, vcpu: number): void =>
  mem.store32(connectedAddress(handle, vcpu), 0);
