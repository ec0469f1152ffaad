// Every way into this room, as a body that a checker can run again from its start: it makes its own private state, and has
// no effect but through the seam and its result.
import type { Shared } from '@faultline/atomics';
import { clearDirtyLog } from '../src/dirty/clear-dirty-log.ts';
import { dirtyRingPush } from '../src/dirty/dirty-ring.ts';
import { getDirtyLog, takeDirty } from '../src/dirty/harvest.ts';
import { harvestRings, resetDirtyRings } from '../src/dirty/reset-rings.ts';
import { newPageFault, type PageFault } from '../src/fault/fault.ts';
import { handleMmioPageFault } from '../src/fault/mmio.ts';
import { pageFault } from '../src/fault/page-fault.ts';
import { slowPageFault } from '../src/fault/slow-page-fault.ts';
import { clearYoung, testYoung } from '../src/host/aging.ts';
import { dropPages } from '../src/host/drop-pages.ts';
import { faultInHostPage } from '../src/host/fault-in.ts';
import { hostPtePfn } from '../src/host/host-pte.ts';
import { collapseHugePage } from '../src/host/huge-page.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from '../src/host/ksm.ts';
import { installPage, markMissing, swapOut } from '../src/host/missing-pages.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../src/host/mmu-notifier.ts';
import { movePage } from '../src/host/move-page.ts';
import { allocPage, pageBase, putPage } from '../src/host/page-frames.ts';
import { waitForPageRequest } from '../src/host/page-request.ts';
import { protectPages, unprotectPages } from '../src/host/protect-pages.ts';
import { replacePages, sharePages } from '../src/host/share-pages.ts';
import type { Vm, VmConfig } from '../src/memory-map.ts';
import { MMIO_SPTE_GEN_MASK } from '../src/spte/mmio-spte.ts';
import { read32, translateRead, translateWrite, write32 } from '../src/vcpu/access.ts';
import { enterGuest, leaveGuest } from '../src/vcpu/run.ts';
import { newVcpu } from '../src/vcpu/vcpu.ts';
import { flushRemoteTlbs } from '../src/vm/flush-remote-tlbs.ts';
import { gfnToMemslot } from '../src/vm/memslots.ts';
import { pauseVcpus, resumeVcpus } from '../src/vm/pause.ts';
import { validRoot } from '../src/vm/roots.ts';
import {
  createMemslot,
  deleteMemslot,
  moveMemslot,
  setMemslotFlags,
} from '../src/vm/set-memory-region.ts';
import {
  type Bench,
  gfnOf,
  gpaOf,
  hvnOf,
  LOGGED,
  makeBenchWithSlot,
  pfnOf,
  READONLY,
  slotOf,
} from './fixture.ts';

const GFN = 3;
const TWIN = 9;

export interface Entry {
  readonly name: string;
  /** What differs from a small VM. */
  readonly config?: Partial<VmConfig>;
  /** By a vCPU's thread; otherwise an agent's. */
  readonly vcpu?: true;
  /** What comes before; its answer is the body's `given`. */
  readonly setup?: (bench: Bench) => number;
  readonly body: (mem: Shared, vm: Vm, given: number) => unknown;
}

const mapped = ({ guests }: Bench): number => {
  for (const gfn of [GFN, TWIN]) guests[1].write(gfn, 7);
  return 0;
};
const aged = (bench: Bench): number => {
  mapped(bench);
  return clearYoung(bench.agent, bench.vm, hvnOf(0), 16);
};
const AGED = { vcpu: true, setup: aged } as const;
const harvested = (bench: Bench): number => {
  mapped(bench);
  return getDirtyLog(bench.agent, bench.vm, 0);
};
const protectedTwin = (bench: Bench): number => {
  mapped(bench);
  return writeProtectHostPage(bench.agent, bench.vm, hvnOf(TWIN));
};
const shared = (bench: Bench): number => {
  mapped(bench);
  const kept = writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
  makeKsmPage(bench.agent, bench.vm, hvnOf(GFN), kept);
  return hostPtePfn(kept);
};
const kept = (bench: Bench): number => {
  mapped(bench);
  sharePages(bench.agent, bench.vm, hvnOf(GFN), 1, () => {});
  return 0;
};
const missing = (bench: Bench): number => {
  mapped(bench);
  markMissing(bench.agent, bench.vm, hvnOf(GFN), 1);
  return 0;
};
/** Somebody has asked for page 5. */
const requested = (bench: Bench): number => {
  missing(bench);
  bench.agent.store32(bench.vm.at.page_requests, 6);
  return 0;
};

/** A vCPU of its own, in the guest for one access. */
const inGuest =
  (access: (mem: Shared, vm: Vm, vcpu: ReturnType<typeof newVcpu>) => unknown) =>
  (mem: Shared, vm: Vm): unknown => {
    const vcpu = newVcpu(0);
    enterGuest(mem, vm, vcpu);
    const result = access(mem, vm, vcpu);
    leaveGuest(mem, vcpu);
    return [result, vcpu.stat];
  };
const write = inGuest((mem, vm, vcpu) => write32(mem, vm, vcpu, gpaOf(GFN), 5));
const read = inGuest((mem, vm, vcpu) => read32(mem, vm, vcpu, gpaOf(GFN)));
/** The vCPU has a root. */
const loaded = (mem: Shared, vm: Vm): PageFault =>
  Object.assign(newPageFault(0), { root: validRoot(mem, vm) });
const fault = (mem: Shared, vm: Vm): unknown => {
  const own = loaded(mem, vm);
  return [pageFault(mem, vm, own, gpaOf(GFN), 7), own.fast];
};
const slowFault = (mem: Shared, vm: Vm): unknown => {
  const own = loaded(mem, vm);
  Object.assign(own, { gfn: gfnOf(GFN), error_code: 2 });
  own.slot = gfnToMemslot(mem, vm, own.memslots, own.gfn);
  return slowPageFault(mem, vm, own);
};
/** The third page of a table whose first two are memory. */
const DEVICE = 14;
const withDevice = (bench: Bench): number => {
  deleteMemslot(bench.agent, bench.vm, 0);
  createMemslot(bench.agent, bench.vm, slotOf({ npages: DEVICE }));
  return 0;
};
const marked = (bench: Bench): number => {
  withDevice(bench);
  bench.guests[1].read(DEVICE);
  return 0;
};
/** The first half of the memory, read-only, and touched. */
const withRom = (bench: Bench): number => {
  deleteMemslot(bench.agent, bench.vm, 0);
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 8, flags: READONLY | LOGGED }));
  bench.guests[1].read(GFN);
  return 0;
};
const movable = (bench: Bench): number => {
  withRom(bench);
  deleteMemslot(bench.agent, bench.vm, 0);
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 8, flags: LOGGED }));
  bench.guests[1].write(GFN, 7);
  return 0;
};
const readDevice = inGuest((mem, vm, vcpu) => [
  read32(mem, vm, vcpu, gpaOf(DEVICE)),
  read32(mem, vm, vcpu, gpaOf(DEVICE)),
]);
const mmioFault = (mem: Shared, vm: Vm): unknown => {
  const own = loaded(mem, vm);
  own.gfn = gfnOf(DEVICE);
  return [handleMmioPageFault(mem, vm, own), own.stat];
};
const takeAll = (mem: Shared, vm: Vm): unknown => {
  const pages: number[] = [];
  const count = takeDirty(mem, vm, { hvn: hvnOf(0), npages: 16 }, 0, (hvn) => pages.push(hvn));
  return [count, pages];
};

const MANUAL = { manualDirtyLogProtect: 'enable' } as const;
const RING = { dirtyRing: 8 } as const;
/** vCPU 0's ring of four is full. */
const pushed = ({ mems, vm }: Bench): number => {
  const slot = slotOf({ npages: vm.hostPages, flags: LOGGED });
  for (let n = 0; n < vm.dirtyRing; n++) dirtyRingPush(mems[0] as Shared, vm, slot, gfnOf(n));
  return 0;
};
const ringsHarvested = (mem: Shared, vm: Vm): unknown => {
  const seen: number[] = [];
  return [harvestRings(mem, vm, (slot, offset) => seen.push(slot, offset)), seen];
};

/** The host has huge pages, of four pages each; then the slot is not logged. */
const EAGER = { transparentHugepage: 'always' } as const;
const LATE = { transparentHugepage: 'always', eagerPageSplit: false } as const;
const setFlags = ({ agent, vm }: Bench, flags: number): number => {
  setMemslotFlags(agent, vm, 0, flags);
  return 0;
};
const loggedLater = (bench: Bench): number => {
  mapped(bench);
  return setFlags(bench, LOGGED);
};
/** A table of small leaves, unmapped by a collapse. */
const collapsed = (bench: Bench): number => {
  mapped(bench);
  const { agent, vm, guests } = bench;
  writeProtectHostPage(agent, vm, hvnOf(GFN));
  for (let gfn = 0; gfn < 4; gfn++) guests[1].write(gfn, gfn);
  return collapseHugePage(agent, vm, hvnOf(GFN)) ? 1 : 0;
};

const PATHS = ['slow', 'merged', 'current'] as const;
const LEGACY_LARGE = { mmu: 'legacy', transparentHugepage: 'always', pageFrames: 48 } as const;
const largeLeaf = (bench: Bench): number => {
  setMemslotFlags(bench.agent, bench.vm, 0, 0);
  return mapped(bench);
};
const logBegun = (bench: Bench): number => {
  largeLeaf(bench);
  setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
  return 0;
};
export const ENTRIES: readonly Entry[] = [
  { name: 'write32, first touch', vcpu: true, body: write },
  ...PATHS.map(
    (faultPath): Entry => ({
      name: `write32 after a harvest, ${faultPath}`,
      config: { faultPath },
      vcpu: true,
      setup: harvested,
      body: write,
    }),
  ),
  { name: 'write32 to a shared page', vcpu: true, setup: shared, body: write },
  { name: 'read32, first touch', vcpu: true, body: read },
  { name: 'read32 of a shared page', vcpu: true, setup: shared, body: read },
  {
    name: 'translateRead and translateWrite of a shared page',
    vcpu: true,
    setup: shared,
    body: inGuest((mem, vm, vcpu) => [
      translateRead(mem, vm, vcpu, gpaOf(GFN)),
      translateWrite(mem, vm, vcpu, gpaOf(GFN)),
    ]),
  },
  {
    name: 'read32 where no memory is',
    vcpu: true,
    body: inGuest((mem, vm, vcpu) => read32(mem, vm, vcpu, gpaOf(2 ** 32))),
  },
  { name: 'read32 of a device, first touch', vcpu: true, setup: withDevice, body: readDevice },
  { name: 'read32 of a device that is known', vcpu: true, setup: marked, body: readDevice },
  {
    name: 'write32 to a device after a change of the memslots',
    vcpu: true,
    setup: (bench) => {
      marked(bench);
      setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
      return 0;
    },
    body: inGuest((mem, vm, vcpu) => write32(mem, vm, vcpu, gpaOf(DEVICE), 5)),
  },
  { name: 'handleMmioPageFault', vcpu: true, setup: marked, body: mmioFault },
  {
    name: 'createMemslot that begins a new round of generations',
    setup: (bench) => {
      marked(bench);
      const { vm, agent } = bench;
      setMemslotFlags(agent, vm, 0, LOGGED);
      // From one odd generation to another: the slots are in the same of the two arrays.
      agent.store32(vm.at.memslots, MMIO_SPTE_GEN_MASK << 1);
      return 0;
    },
    body: (mem, vm) => createMemslot(mem, vm, slotOf({ id: 1, baseGfn: 15, hvn: 15 })),
  },
  ...PATHS.map(
    (faultPath): Entry => ({
      name: `pageFault, ${faultPath}`,
      config: { faultPath },
      vcpu: true,
      setup: harvested,
      body: fault,
    }),
  ),
  { name: 'slowPageFault', vcpu: true, setup: harvested, body: slowFault },
  { name: 'getDirtyLog', setup: mapped, body: (mem, vm) => getDirtyLog(mem, vm, 0) },
  {
    name: 'getDirtyLog with PML',
    config: { pml: true },
    setup: mapped,
    body: (mem, vm) => getDirtyLog(mem, vm, 0),
  },
  {
    name: 'write32 with PML, after a harvest',
    config: { pml: true },
    vcpu: true,
    setup: harvested,
    body: write,
  },
  { name: 'clearYoung', setup: mapped, body: (mem, vm) => clearYoung(mem, vm, hvnOf(GFN), 8) },
  { name: 'testYoung', setup: mapped, body: (mem, vm) => testYoung(mem, vm, hvnOf(GFN), 8) },
  {
    name: 'clearYoung without A and D',
    config: { adBits: false },
    setup: mapped,
    body: (mem, vm) => clearYoung(mem, vm, hvnOf(GFN), 8),
  },
  ...PATHS.flatMap((faultPath): Entry[] => [
    {
      name: `read32 of an aged page, ${faultPath}`,
      ...AGED,
      config: { adBits: false, faultPath },
      body: read,
    },
    {
      name: `write32 to an aged page, ${faultPath}`,
      ...AGED,
      config: { adBits: false, faultPath },
      body: write,
    },
  ]),
  { name: 'read32 after ageing, with A', vcpu: true, setup: aged, body: read },
  { name: 'takeDirty', setup: harvested, body: takeAll },
  {
    name: 'getDirtyLog, manual',
    config: MANUAL,
    setup: mapped,
    body: (mem, vm) => getDirtyLog(mem, vm, 0),
  },
  {
    name: 'clearDirtyLog',
    config: MANUAL,
    setup: mapped,
    body: (mem, vm) =>
      clearDirtyLog(mem, vm, 0, { firstPage: 0, numPages: 16, bits: [1 << GFN], client: 0 }),
  },
  {
    name: 'setMemslotFlags on, initially set',
    config: { manualDirtyLogProtect: 'initially-set' },
    setup: (bench) => {
      setMemslotFlags(bench.agent, bench.vm, 0, 0);
      return mapped(bench);
    },
    body: (mem, vm) => setMemslotFlags(mem, vm, 0, LOGGED),
  },
  { name: 'write32, into a ring', config: RING, vcpu: true, body: write },
  {
    name: 'write32, into a ring that is full',
    config: { dirtyRing: 4 },
    vcpu: true,
    setup: pushed,
    body: fault,
  },
  { name: 'harvestRings', config: RING, setup: mapped, body: ringsHarvested },
  {
    name: 'resetDirtyRings',
    config: RING,
    setup: (bench) => {
      mapped(bench);
      return harvestRings(bench.agent, bench.vm);
    },
    body: resetDirtyRings,
  },
  {
    name: 'createMemslot',
    setup: ({ agent, vm }) => {
      deleteMemslot(agent, vm, 0);
      return 0;
    },
    body: (mem, vm) => createMemslot(mem, vm, slotOf({ id: 1, npages: 4 })),
  },
  { name: 'write32 to a read-only page', vcpu: true, setup: withRom, body: write },
  { name: 'read32 of a read-only page', vcpu: true, setup: withRom, body: read },
  {
    name: 'moveMemslot',
    setup: movable,
    body: (mem, vm) => moveMemslot(mem, vm, 0, gfnOf(6)),
  },
  { name: 'deleteMemslot', setup: mapped, body: (mem, vm) => deleteMemslot(mem, vm, 0) },
  {
    name: 'deleteMemslot, and what it maps alone',
    config: { slotZapAll: false },
    setup: mapped,
    body: (mem, vm) => deleteMemslot(mem, vm, 0),
  },
  { name: 'setMemslotFlags off', setup: mapped, body: (mem, vm) => setMemslotFlags(mem, vm, 0, 0) },
  {
    name: 'setMemslotFlags on',
    setup: (bench) => {
      setMemslotFlags(bench.agent, bench.vm, 0, 0);
      return mapped(bench);
    },
    body: (mem, vm) => setMemslotFlags(mem, vm, 0, LOGGED),
  },
  {
    name: 'invalidateRangeStart and invalidateRangeEnd',
    setup: mapped,
    body: (mem, vm) => {
      invalidateRangeStart(mem, vm, hvnOf(GFN), 8);
      invalidateRangeEnd(mem, vm, hvnOf(GFN), 8);
    },
  },
  {
    name: 'faultInHostPage',
    body: (mem, vm) => {
      const pte = faultInHostPage(mem, vm, hvnOf(GFN), true);
      putPage(mem, vm, hostPtePfn(pte));
      return pte;
    },
  },
  {
    name: 'writeProtectHostPage',
    setup: mapped,
    body: (mem, vm) => writeProtectHostPage(mem, vm, hvnOf(GFN)),
  },
  {
    name: 'makeKsmPage',
    setup: protectedTwin,
    body: (mem, vm, pte) => makeKsmPage(mem, vm, hvnOf(TWIN), pte),
  },
  {
    name: 'mergeWithKsmPage',
    setup: shared,
    body: (mem, vm, pfn) => {
      const pte = writeProtectHostPage(mem, vm, hvnOf(TWIN));
      return mergeWithKsmPage(mem, vm, hvnOf(TWIN), pte, pfnOf(pfn));
    },
  },
  { name: 'write32 to a page that somebody keeps', vcpu: true, setup: kept, body: write },
  {
    name: 'sharePages',
    setup: mapped,
    body: (mem, vm) => {
      const seen: number[] = [];
      sharePages(mem, vm, hvnOf(0), 16, (hvn, pfn) => seen.push(hvn, pfn));
      return seen;
    },
  },
  {
    name: 'replacePages',
    setup: (bench) => {
      mapped(bench);
      return allocPage(bench.agent, bench.vm, 5);
    },
    body: (mem, vm, pfn) =>
      replacePages(mem, vm, hvnOf(GFN), 8, (hvn) => (hvn === GFN ? pfnOf(pfn) : undefined)),
  },
  { name: 'dropPages', setup: mapped, body: (mem, vm) => dropPages(mem, vm, hvnOf(GFN), 8) },
  {
    name: 'protectPages and unprotectPages',
    setup: mapped,
    body: (mem, vm) => {
      protectPages(mem, vm, hvnOf(GFN), 8);
      unprotectPages(mem, vm, hvnOf(GFN), 8);
    },
  },
  { name: 'movePage', setup: mapped, body: (mem, vm) => movePage(mem, vm, hvnOf(GFN)) },
  {
    name: 'swapOut and installPage',
    setup: mapped,
    body: (mem, vm) => {
      let content = 0;
      const save = (pfn: number) => {
        content = mem.guestLoad(pageBase(vm, pfnOf(pfn)));
      };
      const swapped = swapOut(mem, vm, hvnOf(GFN), { slot: 5, save });
      const fill = (pfn: number) => mem.guestStore(pageBase(vm, pfnOf(pfn)), content);
      return [swapped, installPage(mem, vm, hvnOf(GFN), fill), content];
    },
  },
  { name: 'markMissing', setup: mapped, body: (mem, vm) => markMissing(mem, vm, hvnOf(GFN), 8) },
  { name: 'waitForPageRequest', setup: requested, body: (mem, vm) => waitForPageRequest(mem, vm) },
  {
    name: 'pauseVcpus and resumeVcpus',
    setup: mapped,
    body: (mem, vm) => {
      pauseVcpus(mem, vm);
      resumeVcpus(mem, vm);
    },
  },
  { name: 'flushRemoteTlbs', setup: mapped, body: flushRemoteTlbs },
  { name: 'write32, first touch of a huge page', config: EAGER, vcpu: true, body: write },
  ...PATHS.map(
    (faultPath): Entry => ({
      name: `write32 to a large leaf of a logged slot, ${faultPath}`,
      config: { faultPath, ...LATE },
      vcpu: true,
      setup: loggedLater,
      body: write,
    }),
  ),
  {
    name: 'write32 that puts a large leaf in the place of a table',
    config: EAGER,
    vcpu: true,
    setup: collapsed,
    body: write,
  },
  {
    name: 'setMemslotFlags on, large leaves split',
    config: EAGER,
    setup: mapped,
    body: (mem, vm) => setMemslotFlags(mem, vm, 0, LOGGED),
  },
  {
    name: 'setMemslotFlags off, tables given back',
    config: EAGER,
    setup: loggedLater,
    body: (mem, vm) => setMemslotFlags(mem, vm, 0, 0),
  },
  {
    name: 'writeProtectHostPage of a huge page',
    config: EAGER,
    setup: mapped,
    body: (mem, vm) => writeProtectHostPage(mem, vm, hvnOf(GFN)),
  },
  {
    name: 'collapseHugePage',
    config: EAGER,
    setup: (bench) => {
      mapped(bench);
      writeProtectHostPage(bench.agent, bench.vm, hvnOf(GFN));
      for (let gfn = 0; gfn < 4; gfn++) bench.guests[1].write(gfn, gfn);
      return 0;
    },
    body: (mem, vm) => collapseHugePage(mem, vm, hvnOf(GFN)),
  },
  // All of the above are run with the legacy MMU too (legacy.test.ts); these are its large leaves.
  {
    name: 'write32 to a large leaf of the legacy MMU whose log has begun',
    config: { ...LEGACY_LARGE, eagerPageSplit: false },
    vcpu: true,
    setup: logBegun,
    body: write,
  },
  {
    name: 'setMemslotFlags on, with a large leaf of the legacy MMU',
    config: LEGACY_LARGE,
    setup: largeLeaf,
    body: (mem, vm) => setMemslotFlags(mem, vm, 0, LOGGED),
  },
  {
    name: 'deleteMemslot of large leaves of the legacy MMU',
    config: LEGACY_LARGE,
    setup: largeLeaf,
    body: (mem, vm) => deleteMemslot(mem, vm, 0),
  },
];

/** A bench after the setup, and the body over it. */
export function prepare({ config = {}, vcpu, setup, body }: Entry) {
  const bench = makeBenchWithSlot(config.transparentHugepage === 'always' ? 0 : LOGGED, config);
  const given = setup?.(bench) ?? 0;
  const mem = bench.mems[vcpu ? 0 : 2] as (typeof bench.mems)[0];
  return { mem, vm: bench.vm, run: (own: Shared) => body(own, bench.vm, given) };
}
