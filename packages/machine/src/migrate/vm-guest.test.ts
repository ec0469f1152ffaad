import { connectThread, createSharedMemory, type WasmShared } from '@faultline/atomics';
import {
  createMemslot,
  type Gfn,
  type Gpa,
  type Hvn,
  initVm,
  installPage,
  KVM_MEM_LOG_DIRTY_PAGES,
  leaveGuest,
  newVcpu,
  PAGE_SIZE,
  type Pfn,
  pageBase,
  protectPages,
  readMemslots,
  requestPage,
  seamSize,
  setMemslotFlags,
  swapOut,
  type Vm,
  type VmConfig,
  vmConfig,
  write32,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { clock } from '../../test/channel-pair.ts';
import { loadChecksum } from './checksum.ts';
import { contentDigest } from './content-digest.ts';
import { shapeOfVm, vmGuest, vmMemory } from './vm-guest.ts';

const checksum = await loadChecksum();
const PAGES = 40;
const GFN = 0x100;

interface Setting {
  readonly mem: WasmShared;
  readonly vm: Vm;
  write(page: number, value: number): void;
}

/** A VM of one slot, its vCPU in this thread and in the guest only while it stores. */
function setUp(options: Partial<VmConfig> = {}): Setting {
  const config = vmConfig({ vcpus: 1, hostPages: PAGES, ...options });
  const memory = createSharedMemory(seamSize(config));
  const mem = connectThread(memory, 1);
  const vm = initVm(mem, config, memory.map);
  const slot = { id: 0, baseGfn: GFN as Gfn, npages: PAGES, hvn: 0 as Hvn, flags: 0 };
  createMemslot(mem, vm, slot);
  const vcpuMem = connectThread(memory, 0);
  const vcpu = newVcpu(0);
  const write = (page: number, value: number): void => {
    write32(vcpuMem, vm, vcpu, ((GFN + page) * PAGE_SIZE) as Gpa, value);
    leaveGuest(vcpuMem, vcpu);
  };
  return { mem, vm, write };
}

const harvested = (guest: ReturnType<typeof vmGuest>): number[] => {
  const pages: number[] = [];
  guest.harvest((hvn) => pages.push(hvn));
  return pages;
};

const flagsOf = ({ mem, vm }: Setting): number =>
  readMemslots(mem, vm, mem.load32(vm.at.memslots))[0]?.flags ?? -1;

describe('a VM that is about to be migrated', () => {
  it('has the shape of its memory and its slots', () => {
    const { mem, vm } = setUp();
    const slots = [{ id: 0, gfn: GFN, npages: PAGES, hvn: 0 }];
    expect(shapeOfVm(mem, vm)).toEqual({ pages: PAGES, pageSize: PAGE_SIZE, slots });
  });

  it('tells of the pages that were written since logging began, once each', () => {
    const { mem, vm, write } = setUp();
    const guest = vmGuest(mem, vm, { client: 0 });
    write(3, 1);
    guest.startLogging();
    write(5, 1);
    write(5, 2);
    write(3, 1);
    expect(harvested(guest)).toEqual([3, 5]);
    expect(harvested(guest)).toEqual([]);
  });

  it('is no longer logged when it is over', () => {
    const setting = setUp();
    const guest = vmGuest(setting.mem, setting.vm, { client: 0 });
    guest.startLogging();
    expect(flagsOf(setting)).toBe(KVM_MEM_LOG_DIRTY_PAGES);
    guest.stopLogging();
    expect(flagsOf(setting)).toBe(0);
  });

  it('stays logged if it was logged before', () => {
    const setting = setUp();
    setMemslotFlags(setting.mem, setting.vm, 0, KVM_MEM_LOG_DIRTY_PAGES);
    const guest = vmGuest(setting.mem, setting.vm, { client: 0 });
    guest.startLogging();
    guest.stopLogging();
    expect(flagsOf(setting)).toBe(KVM_MEM_LOG_DIRTY_PAGES);
  });

  it('has no page where the host has none', () => {
    const { mem, vm, write } = setUp();
    write(3, 0x01020304);
    const guest = vmGuest(mem, vm, { client: 0 });
    const page = new Uint8Array(PAGE_SIZE + 8);
    expect(guest.copyPage(4, page, 8)).toBe(false);
    expect(guest.copyPage(3, page, 8)).toBe(true);
    expect([...page.subarray(8, 12)]).toEqual([4, 3, 2, 1]);
  });
});

describe('a page that a pager has', () => {
  const SLOT = 9;

  /** Page 3 is swapped out, and brought in by whoever sleeps for it: nobody else is there. */
  function swappedOut(): Setting {
    const setting = setUp();
    const { mem, vm } = setting;
    setting.write(3, 0x1234);
    const store = new Map<number, Uint8Array>();
    const save = (pfn: Pfn): void => {
      store.set(SLOT, mem.guestBytes(pageBase(vm, pfn), vm.pageWords).slice());
    };
    swapOut(mem, vm, 3 as Hvn, { slot: SLOT, save });
    mem.waitUntil = () => {
      installPage(mem, vm, 3 as Hvn, (pfn, slot) => {
        mem.guestBytes(pageBase(vm, pfn), vm.pageWords).set(store.get(slot) as Uint8Array);
      });
    };
    return setting;
  }

  it('is sent with what it held, and not as a page of zeros', () => {
    const { mem, vm } = swappedOut();
    const page = new Uint8Array(PAGE_SIZE);
    const isSent = vmGuest(mem, vm, { client: 0 }).copyPage(3, page, 0);
    expect([isSent, new DataView(page.buffer).getUint32(0, true)]).toEqual([true, 0x1234]);
  });
});

describe('a page that the VMM has read-only', () => {
  it('takes nothing from a stream, which would go to another frame', () => {
    const { mem, vm, write } = setUp();
    write(3, 1);
    protectPages(mem, vm, 3 as Hvn, 1);
    const memory = vmMemory(mem, vm);
    expect(() => memory.writePage(3, new Uint8Array(PAGE_SIZE))).toThrow(
      'expected host page 3 to be writable for what comes, got one that the VMM protects',
    );
  });
});

describe('a VM that runs before its pages are there', () => {
  function missing() {
    const setting = setUp();
    const { mem, vm } = setting;
    let runs = 0;
    const { postcopy } = vmMemory(mem, vm, { run: () => void runs++ });
    if (postcopy === undefined) throw new Error('expected a memory that takes post-copy');
    postcopy.markMissing(0, PAGES);
    const asked: number[] = [];
    postcopy.run((hvn) => asked.push(hvn));
    return { ...setting, postcopy, asked, runs: () => runs };
  }

  it('asks for a page that somebody waits for, once', async () => {
    const { mem, vm, asked, runs } = missing();
    const vcpu = connectThread(mem.memory, 0);
    // What a vCPU says before it sleeps: this thread must not.
    vcpu.waitUntil = () => {
      throw new Error('asleep');
    };
    expect(() => requestPage(vcpu, vm, 5 as Hvn)).toThrow('asleep');
    await clock.sleep(20);
    expect([runs(), asked]).toEqual([1, [5]]);
  });

  it('has what came, and zero pages too', () => {
    const { mem, vm, postcopy } = missing();
    postcopy.install(3, new Uint8Array(PAGE_SIZE).fill(7));
    postcopy.install(4, undefined);
    const page = new Uint8Array(PAGE_SIZE);
    const { copyPage } = vmMemory(mem, vm);
    expect([copyPage(3, page, 0), page[9]]).toEqual([true, 7]);
    expect([copyPage(4, page, 0), page[9]]).toEqual([true, 0]);
  });

  it('keeps what its guest has stored since, whatever comes again', () => {
    const { mem, vm, postcopy, write } = missing();
    postcopy.install(3, undefined);
    write(3, 99);
    postcopy.install(3, new Uint8Array(PAGE_SIZE).fill(7));
    const page = new Uint8Array(PAGE_SIZE);
    vmMemory(mem, vm).copyPage(3, page, 0);
    expect(page[0]).toBe(99);
  });

  it('takes none without somebody who can run it', () => {
    const { mem, vm } = setUp();
    expect(vmMemory(mem, vm).postcopy).toBeUndefined();
  });
});

describe('a VM that a guest comes to', () => {
  it('has the same memory afterwards', async () => {
    const source = setUp();
    const destination = setUp();
    for (let page = 0; page < PAGES; page += 3) source.write(page, page + 1);
    const reader = vmGuest(source.mem, source.vm, { client: 0 });
    const memory = vmMemory(destination.mem, destination.vm);
    const page = new Uint8Array(PAGE_SIZE);
    for (let hvn = 0; hvn < PAGES; hvn++) {
      if (reader.copyPage(hvn, page, 0)) memory.writePage(hvn, page);
    }
    const digest = (of: typeof memory): Promise<number> =>
      contentDigest(of, reader.shape, { checksum, clock });
    expect(await digest(memory)).toBe(
      await contentDigest(reader, reader.shape, { checksum, clock }),
    );
    memory.zeroPage(3);
    expect(await digest(memory)).not.toBe(
      await contentDigest(reader, reader.shape, { checksum, clock }),
    );
  });
});
