// A snapshot as bytes: the stream of a migration without anybody at the other end.
import { PAGE_SIZE, type Pfn, pageBase } from '@faultline/mmu';
import { hostClock } from './host-clock.ts';
import type { PageReader } from './migrate/page-batch.ts';
import { writeSnapshot } from './migrate/snapshot.ts';
import type { Owner } from './owner.ts';
import type { Slot } from './slots.ts';
import { packState } from './vm-state.ts';

/** What a saved snapshot has beside memory and slots. */
export interface SaveOptions {
  /** Registers and devices: bytes that come back as they are, at most 64 MiB. */
  readonly state?: Uint8Array;
}

interface Kept {
  /** Undefined: zeros. */
  readonly frameOf: (hvn: number) => Pfn | undefined;
  readonly slots: readonly Slot[];
}

/** See `Snapshot.save`. */
export async function saveSnapshot(
  { mem, handle }: Owner,
  { frameOf, slots }: Kept,
  write: (bytes: Uint8Array) => void | Promise<void>,
  { state: device = new Uint8Array(0) }: SaveOptions,
): Promise<void> {
  const { vm, vcpus } = handle;
  const copyPage: PageReader['copyPage'] = (hvn, into, at) => {
    const pfn = frameOf(hvn);
    if (pfn === undefined) return false;
    into.set(mem.guestBytes(pageBase(vm, pfn), vm.pageWords), at);
    return true;
  };
  const shape = {
    pages: vm.hostPages,
    pageSize: PAGE_SIZE,
    slots: slots.map(({ id, gpa, bytes, offset }) => {
      const [gfn = 0, npages = 0, hvn = 0] = [gpa, bytes, offset].map((at) => at / PAGE_SIZE);
      return { id, gfn, npages, hvn };
    }),
    allPages: true,
  };
  const send = async (bytes: Uint8Array): Promise<void> => write(bytes);
  const state = packState({ vcpus, slots, device });
  await writeSnapshot({ copyPage }, shape, { send, state, clock: hostClock });
}
