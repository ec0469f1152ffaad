// A VM of the MMU, as the two sides of a migration see it. The calling thread is one of the VM's agents and may block: in a
// browser, a worker.

import type { WasmShared } from '@faultline/atomics';
import {
  faultInHostPage,
  HOST_FAULT,
  type Hvn,
  hostPtePfn,
  hostPtep,
  isHostPteEmpty,
  KVM_MEM_LOG_DIRTY_PAGES,
  type Memslot,
  PAGE_SIZE,
  pageBase,
  pauseVcpus,
  putPage,
  readMemslots,
  resumeVcpus,
  setMemslotFlags,
  type Vm,
} from '@faultline/mmu';
import type { DestinationMemory, SourceGuest } from './guest.ts';
import { MissingPages } from './missing-pages.ts';
import type { PageReader } from './page-batch.ts';
import type { Shape } from './shape.ts';
import { VmLog } from './vm-log.ts';

/** What `vmGuest` needs beside the VM. */
export interface VmGuestOptions {
  /** Which client of the dirty log the migration is. */
  readonly client: number;
  /** See SourceGuest. */
  readonly throttle?: (percent: number) => void;
}

const slotsOf = (mem: WasmShared, vm: Vm): Memslot[] =>
  readMemslots(mem, vm, mem.load32(vm.at.memslots));

/** The VM's memory and slots. Nobody changes the slots meanwhile. */
export const shapeOfVm = (mem: WasmShared, vm: Vm): Shape => ({
  pages: vm.hostPages,
  pageSize: vm.pageWords * 4,
  slots: slotsOf(mem, vm).map(({ id, baseGfn, npages, hvn }) => ({
    id,
    gfn: baseGfn,
    npages,
    hvn,
  })),
});

/**
 * A running VM as the source of a migration, with any dirty log that the MMU has. Its slots stay as they are until the
 * migration is over, and if it has rings nobody else needs to reset them. Where it has a pager, that is another thread:
 * missing pages are waited for.
 */
export function vmGuest(
  mem: WasmShared,
  vm: Vm,
  { client, throttle }: VmGuestOptions,
): SourceGuest {
  const slots = slotsOf(mem, vm);
  const unlogged = slots.filter(({ flags }) => (flags & KVM_MEM_LOG_DIRTY_PAGES) === 0);
  const log = new VmLog(mem, vm, slots, client);
  const { copyPage } = vmReader(mem, vm);
  return {
    copyPage(hvn, into, at) {
      log.beforeRead(hvn);
      return copyPage(hvn, into, at);
    },
    shape: shapeOfVm(mem, vm),
    startLogging() {
      for (const { id } of unlogged) setMemslotFlags(mem, vm, id, KVM_MEM_LOG_DIRTY_PAGES);
      log.begin();
    },
    stopLogging() {
      for (const { id, flags } of unlogged) setMemslotFlags(mem, vm, id, flags);
      log.relieve();
    },
    harvest: (visit) => log.harvest(visit),
    ...(vm.dirtyRing === 0
      ? {}
      : {
          relieve() {
            if (log.isFull) log.relieve();
          },
        }),
    pause: () => pauseVcpus(mem, vm),
    resume: () => resumeVcpus(mem, vm),
    ...(throttle === undefined ? {} : { throttle }),
  };
}

/** What `vmMemory` needs to have its guest run while pages are missing. */
export interface VmMemoryOptions {
  /** See DestinationMemory. */
  readonly loadState?: NonNullable<DestinationMemory['loadState']>;
  /** See DestinationMemory. */
  readonly previewState?: NonNullable<DestinationMemory['previewState']>;
  /** Lets the vCPUs run, on other threads. Absent: no post-copy. */
  readonly run?: () => void;
}

/** A VM that does not run yet as the destination of a migration. */
export function vmMemory(
  mem: WasmShared,
  vm: Vm,
  { run, ...options }: VmMemoryOptions = {},
): DestinationMemory {
  const write = (hvn: number, fill: (page: Uint8Array) => void): void => {
    const pte = faultInHostPage(mem, vm, hvn as Hvn, true);
    if (pte === HOST_FAULT) {
      throw new Error(
        `expected host page ${hvn} to be writable for what comes, got one that the VMM protects`,
      );
    }
    const pfn = hostPtePfn(pte);
    fill(mem.guestBytes(pageBase(vm, pfn), vm.pageWords));
    putPage(mem, vm, pfn);
  };
  return {
    ...vmReader(mem, vm),
    writePage: (hvn, contents) => write(hvn, (page) => page.set(contents)),
    zeroPage: (hvn) => write(hvn, (page) => page.fill(0)),
    ...options,
    ...(run === undefined ? {} : { postcopy: new MissingPages(mem, vm, run) }),
  };
}

function vmReader(mem: WasmShared, vm: Vm): PageReader {
  return {
    copyPage(hvn, into, at) {
      // A page that a pager has is no zero page: it is waited for.
      if (isHostPteEmpty(mem.load32(hostPtep(vm, hvn as Hvn)))) return false;
      // With a reference: it may be merged away or copied under our hands, but not reused.
      const pfn = hostPtePfn(faultInHostPage(mem, vm, hvn as Hvn, false));
      into.set(mem.guestBytes(pageBase(vm, pfn), vm.pageWords), at);
      putPage(mem, vm, pfn);
      return true;
    },
  };
}

/** Plain memory as a destination: `bytes` has all pages of the VMM's memory, in order, all zero. */
export function plainMemory(bytes: Uint8Array, pageSize: number = PAGE_SIZE): DestinationMemory {
  const page = (hvn: number): Uint8Array => bytes.subarray(hvn * pageSize, (hvn + 1) * pageSize);
  return {
    copyPage(hvn, into, at) {
      into.set(page(hvn), at);
      return true;
    },
    writePage: (hvn, contents) => bytes.set(contents, hvn * pageSize),
    writePages: (hvn, contents) => bytes.set(contents, hvn * pageSize),
    zeroPage: (hvn) => void page(hvn).fill(0),
  };
}
