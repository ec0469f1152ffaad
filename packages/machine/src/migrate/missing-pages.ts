// The memory of a VM that runs while pages of it are at the source of its migration: the host's pager (mmu/src/host), whose store
// is a connection. The calling thread is one of the VM's agents and does not block.
import type { WasmShared } from '@faultline/atomics';
import {
  type Hvn,
  installPage,
  markMissing,
  nextPageRequest,
  pageBase,
  type Vm,
} from '@faultline/mmu';
import type { PostcopyMemory } from './guest.ts';

export class MissingPages implements PostcopyMemory {
  readonly #mem: WasmShared;
  readonly #vm: Vm;
  readonly #runVcpus: () => void;
  #missing = 0;

  constructor(mem: WasmShared, vm: Vm, run: () => void) {
    this.#mem = mem;
    this.#vm = vm;
    this.#runVcpus = run;
  }

  markMissing(hvn: number, npages: number): void {
    this.#missing += markMissing(this.#mem, this.#vm, hvn as Hvn, npages);
  }

  install(hvn: number, contents: Uint8Array | undefined): void {
    const { pageWords } = this.#vm;
    // Looks and fills under the page table's lock: what the guest has, and may have written, is never overwritten. Litmus:
    // pager-looks-before-it-locks.
    const came = installPage(this.#mem, this.#vm, hvn as Hvn, (pfn) => {
      if (contents === undefined) return; // a new frame is zero
      this.#mem.guestBytes(pageBase(this.#vm, pfn), pageWords).set(contents);
    });
    if (came && --this.#missing === 0) this.#wakeServer();
  }

  run(ask: (hvn: number) => void): void {
    this.#runVcpus();
    void this.#serve(ask);
  }

  /** Passes on what vCPUs ask for, until nothing is missing: the next pager's requests are not ours. */
  async #serve(ask: (hvn: number) => void): Promise<void> {
    const { page_request_seq } = this.#vm.at;
    while (this.#missing > 0) {
      // Before the look: a request after it has changed what the wait compares. Litmus: pager-looks-first.
      const seen = this.#mem.load32(page_request_seq);
      for (;;) {
        const hvn = nextPageRequest(this.#mem, this.#vm);
        if (hvn === undefined) break;
        ask(hvn);
      }
      await this.#mem.waitAsync(page_request_seq, seen);
    }
  }

  #wakeServer(): void {
    this.#mem.add32(this.#vm.at.page_request_seq, 1);
    this.#mem.notify(this.#vm.at.page_request_seq);
  }
}
