// Texts of trace-cmd and perf do not say of an exit which vCPU it was; the entry before it, by the same thread, did.
import type { FOREIGN } from './decode.ts';
import type { TraceBody } from './trace-event.ts';

export const UNKNOWN_VCPU = -1;
/** More threads than any host has vCPUs; beyond them nothing is learnt. */
const KNOWN_THREADS = 65_536;

export class VcpuByThread {
  readonly #vcpus = new Map<number, number>();

  /** The same body, with its vCPU if that was missing and is known. */
  fill(body: TraceBody | typeof FOREIGN, pid: number): TraceBody | typeof FOREIGN {
    if (typeof body === 'symbol' || !('vcpu_id' in body)) return body;
    const { vcpu_id } = body;
    if (vcpu_id === UNKNOWN_VCPU) {
      const known = this.#vcpus.get(pid);
      return known === undefined ? body : { ...body, vcpu_id: known };
    }
    if (this.#vcpus.size < KNOWN_THREADS) this.#vcpus.set(pid, vcpu_id);
    return body;
  }
}
