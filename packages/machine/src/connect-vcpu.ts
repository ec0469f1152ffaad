// A vCPU for the calling thread, of a VM that another thread owns.
import type { VmHandle } from './handle.ts';
import { Vcpu, type VcpuOptions } from './vcpu.ts';

/**
 * Connects the calling thread as vCPU `id`, from 0. One thread at a time may be a vCPU. Throws a RangeError for an id that
 * the VM has not, and an Error when somebody is connected as that vCPU.
 */
export function connectVcpu(handle: VmHandle, id: number, options?: VcpuOptions): Vcpu {
  checkId(handle, id);
  return new Vcpu(handle, id, options);
}

export function checkId({ vcpus }: Pick<VmHandle, 'vcpus'>, id: number): void {
  if (Number.isInteger(id) && id >= 0 && id < vcpus) return;
  throw new RangeError(`expected a vCPU below ${vcpus}, got ${id}`);
}
