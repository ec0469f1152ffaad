// The owner's side of a VM: the thread that made it and acts as its VMM. vCPUs on this very thread cannot be waited for, so
// they are out of the guest whenever the owner acts, and what it asked of them is served as soon as it is done. Where one of
// them has to wait for another, because its store takes a page from both, the other leaves: it is between two accesses.
import { modeAddress, requestsAddress, type WasmShared } from '@faultline/atomics';
import { type Memslot, pauseVcpus, REQ_PAUSE, readMemslots, resumeVcpus } from '@faultline/mmu';
import { checkId } from './connect-vcpu.ts';
import { connect, type VmHandle } from './handle.ts';
import { Vcpu, type VcpuOptions } from './vcpu.ts';

export class Owner {
  readonly handle: VmHandle;
  readonly mem: WasmShared;
  readonly #local = new Map<number, Vcpu>();
  /** For the owner's own accesses: a vCPU that is in the guest for the length of one. */
  readonly #device: Vcpu;
  #depth = 0;
  /** How many want the vCPUs paused. */
  #pauses = 0;
  #held: string | undefined;

  constructor(handle: VmHandle) {
    this.handle = handle;
    this.mem = this.#connect(handle.vm.vcpus);
    this.#device = new Vcpu(handle, handle.vcpus, {}, this.#connect(handle.vcpus));
  }

  /** vCPU `id` on this thread; the same one each time. */
  vcpu(id: number, options?: VcpuOptions): Vcpu {
    const known = this.#local.get(id);
    if (known?.connected) return known;
    checkId(this.handle, id);
    const vcpu = new Vcpu(this.handle, id, options, this.#connect(id));
    this.#local.set(id, vcpu);
    return vcpu;
  }

  /** Does the VMM's work. */
  act<Result>(work: () => Result): Result {
    for (const vcpu of this.#connected()) vcpu.leave();
    this.#depth++;
    try {
      return work();
    } finally {
      // Who is held is outside the guest, and is served when it is let go.
      if (--this.#depth === 0 && this.#held === undefined) this.#serve();
    }
  }

  /** Does the VMM's work while no vCPU of any thread loads or stores. */
  actPaused<Result>(work: () => Result): Result {
    return this.act(() => {
      this.#pause();
      try {
        return work();
      } finally {
        this.#resume();
      }
    });
  }

  /** No vCPU loads or stores until `release`: on other threads they wait, on this one they throw an Error that says `why`. */
  hold(why: string): void {
    const isNew = this.#held === undefined;
    this.#held = why;
    if (isNew) this.act(() => this.#pause());
  }

  release(): void {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.act(() => this.#resume());
  }

  /** Throws an Error that says why the guest is held, if it is. */
  assertNotHeld(): void {
    if (this.#held !== undefined)
      throw new Error(`expected a guest that runs here, got one that ${this.#held}`);
  }

  #pause(): void {
    if (this.#pauses++ === 0) pauseVcpus(this.mem, this.handle.vm);
  }

  #resume(): void {
    if (--this.#pauses === 0) resumeVcpus(this.mem, this.handle.vm);
  }

  /** An access of the owner's own. */
  access<Result>(work: (vcpu: Vcpu) => Result): Result {
    return this.act(() => {
      try {
        return work(this.#device);
      } finally {
        this.#device.leave();
      }
    });
  }

  slots(): Memslot[] {
    return readMemslots(this.mem, this.handle.vm, this.mem.load32(this.handle.vm.at.memslots));
  }

  #connect(thread: number): WasmShared {
    const mem = connect(this.handle, thread);
    const wait = mem.wait.bind(mem);
    mem.wait = (address, expected, ms) => {
      if (address === this.handle.vm.at.vcpus_paused) this.#refuseEntry(thread);
      for (const vcpu of this.#connected()) if (modeAddress(vcpu.id) === address) vcpu.leave();
      return wait(address, expected, ms);
    };
    return mem;
  }

  /** This thread would wait for itself. The request that was just taken is made again, for the next access. */
  #refuseEntry(thread: number): void {
    this.mem.or32(requestsAddress(thread), REQ_PAUSE);
    this.assertNotHeld();
  }

  #connected(): Vcpu[] {
    return [...this.#local.values()].filter((vcpu) => vcpu.connected);
  }

  #serve(): void {
    for (const vcpu of this.#connected()) vcpu.serve();
    this.#device.serve();
  }
}
