// What a snapshot costs, by how much has changed since the last one, against copying all memory; and what it costs the guest
// afterwards, whose first store to each page copies that page.
import { createVm, type Vm } from '@faultline/machine';
import { PAGE_SIZE } from '@faultline/mmu';
import { figure, nanoseconds } from '../table.ts';
import type { Bar } from './bar.ts';
import { median } from './quantile.ts';

const PAGES = 65_536;
/** Of the VM whose faults copy nothing. */
const FAULT_PAGES = 16_384;
/** Every how-manieth page is stored to before a snapshot: 1 %, 10 % and all of them. */
const STRIDES = [100, 10, 1] as const;
const TURNS = 5;

/** Medians over turns. */
export interface SnapshotTimes {
  readonly snapshots: readonly { readonly changed: number; readonly ms: number }[];
  /** Of as many bytes from one typed array to another. */
  readonly copyMs: number;
  /** A store to a page that a snapshot shares; to one that the log write-protected, repaired by the slow path. */
  readonly firstStoreNs: number;
  readonly slowFaultNs: number;
}

/** All take turns. The first turn warms up and does not count. */
export function timeSnapshots(): SnapshotTimes {
  const copy = newCopier();
  const slowFaults = newSlowFaults();
  const takes = newTaker();
  const turns = Array.from({ length: TURNS + 1 }, () => ({
    takes: STRIDES.map(takes),
    copyMs: copy(),
    slowFaultNs: slowFaults(),
  })).slice(1);
  const column = (stride: number): Take[] => turns.map((turn) => turn.takes[stride] as Take);
  return {
    snapshots: STRIDES.map((_, stride) => ({
      changed: column(stride)[0]?.changed ?? 0,
      ms: median(column(stride).map(({ ms }) => ms)),
    })),
    copyMs: median(turns.map(({ copyMs }) => copyMs)),
    firstStoreNs: median(column(STRIDES.length - 1).map(({ storeNs }) => storeNs)),
    slowFaultNs: median(turns.map(({ slowFaultNs }) => slowFaultNs)),
  };
}

interface Take {
  readonly changed: number;
  readonly ms: number;
  /** Of each first store after the snapshot before. */
  readonly storeNs: number;
}

/** A VM with a snapshot of all its memory; called, it stores to every `stride`-th page and takes the next. */
function newTaker(): (stride: number) => Take {
  // At most the guest and one snapshot hold frames of their own, and a snapshot wants as many free as the guest has.
  const vm = createVm({ memory: PAGES * PAGE_SIZE, spareFrames: 2 * PAGES });
  storeTo(vm, PAGES, 1);
  let last = vm.snapshot();
  return (stride) => {
    const changed = Math.ceil(PAGES / stride);
    const storeNs = (storeTo(vm, PAGES, stride) * 1e6) / changed;
    const from = performance.now();
    const next = vm.snapshot();
    const ms = performance.now() - from;
    if (next.changed !== changed) {
      throw new Error(`expected ${changed} changed pages in a snapshot, got ${next.changed}`);
    }
    last.release();
    last = next;
    return { changed, ms, storeNs };
  };
}

/** A VM that repairs all faults slowly; called, it harvests its log, stores to each page, and says what one store took. */
function newSlowFaults(): () => number {
  const vm = createVm({ memory: FAULT_PAGES * PAGE_SIZE, faultPath: 'slow', dirtyClients: 1 });
  const client = vm.dirtyClient('bench');
  storeTo(vm, FAULT_PAGES, 1);
  return () => {
    const dirty = client.take().length;
    if (dirty !== FAULT_PAGES) throw new Error(`expected ${FAULT_PAGES} dirty pages, got ${dirty}`);
    return (storeTo(vm, FAULT_PAGES, 1) * 1e6) / FAULT_PAGES;
  };
}

/** Milliseconds. */
function storeTo(vm: Vm, pages: number, stride: number): number {
  const vcpu = vm.vcpu(0);
  const from = performance.now();
  for (let page = 0; page < pages; page += stride) vcpu.write32(page * PAGE_SIZE, page);
  return performance.now() - from;
}

function newCopier(): () => number {
  const from = new Uint8Array(PAGES * PAGE_SIZE).fill(1);
  const to = new Uint8Array(from.length);
  return () => {
    const start = performance.now();
    to.set(from);
    return performance.now() - start;
  };
}

export function snapshotBars(times: SnapshotTimes): Bar[] {
  const { copyMs, firstStoreNs, slowFaultNs } = times;
  return [
    ...times.snapshots.map(({ changed, ms }): Bar => {
      const share = Math.round((100 * changed) / PAGES);
      return {
        name: `snapshot, ${share} % of pages changed : copy of all`,
        value: ms / copyMs,
        detail: `${figure(ms)} ms : ${figure(copyMs)} ms of ${(PAGES * PAGE_SIZE) / 2 ** 20} MiB; ${nanoseconds((ms * 1e6) / changed)} a changed page`,
      };
    }),
    {
      name: 'first store after a snapshot : slow fault',
      value: firstStoreNs / slowFaultNs,
      detail: `${nanoseconds(firstStoreNs)}, the copy of the page in it : ${nanoseconds(slowFaultNs)}`,
    },
  ];
}
