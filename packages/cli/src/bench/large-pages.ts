// 4K against 2M: the first touch of memory, mapping it again while the host still has it, and writing on after logging began,
// where large leaves are split, when it begins (eager) or in the first fault on each (late).
import { connectThread } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  dropPages,
  enterGuest,
  type Gfn,
  type Gpa,
  type Hvn,
  leaveGuest,
  newVcpu,
  PAGE_SIZE,
  type VmConfig,
  write32,
} from '@faultline/mmu';
import { createMachine } from '@faultline/runner';
import { count, figure } from '../table.ts';
import type { Bar } from './bar.ts';
import { median } from './quantile.ts';
import { RESUME_MIB, type ResumeTimes, timeResume } from './resume.ts';

const PAGES = 16_384;
const MIB = (PAGES * PAGE_SIZE) / 2 ** 20;
const TURNS = 15;

/** Of 64 MiB, milliseconds: medians over turns. */
export interface TouchTimes {
  readonly faults: number;
  /** Host frames are found and zeroed too. */
  readonly firstMs: number;
  /** The host has the memory; the MMU maps it anew. */
  readonly againMs: number;
}

export interface LargePageTimes {
  readonly touch: { readonly small: TouchTimes; readonly large: TouchTimes };
  readonly resume: {
    readonly small: ResumeTimes;
    readonly eager: ResumeTimes;
    readonly late: ResumeTimes;
  };
}

export function timeLargePages(): LargePageTimes {
  const guests = [newGuest('never'), newGuest('always')] as const;
  const turns = Array.from({ length: TURNS + 1 }, () => guests.map((guest) => guest())).slice(1);
  const [small, large] = guests.map((_, guest) =>
    medians(turns.map((turn) => turn[guest] as TouchTimes)),
  );
  const [smallResume, eager, late] = timeResume([
    {},
    { transparentHugepage: 'always', eagerPageSplit: true },
    { transparentHugepage: 'always', eagerPageSplit: false },
  ]);
  return {
    touch: { small: small as TouchTimes, large: large as TouchTimes },
    resume: {
      small: smallResume as ResumeTimes,
      eager: eager as ResumeTimes,
      late: late as ResumeTimes,
    },
  };
}

function medians(times: readonly TouchTimes[]): TouchTimes {
  const of = (field: keyof TouchTimes): number => median(times.map((time) => time[field]));
  return { faults: of('faults'), firstMs: of('firstMs'), againMs: of('againMs') };
}

/** Called, it forgets all memory and touches it, then makes its slot anew and touches it again. */
function newGuest(transparentHugepage: VmConfig['transparentHugepage']): () => TouchTimes {
  const { memory, vm } = createMachine({ vcpus: 1, hostPages: PAGES, transparentHugepage });
  const mem = connectThread(memory, 0);
  const slot = { id: 0, baseGfn: 0 as Gfn, npages: PAGES, hvn: 0 as Hvn, flags: 0 };
  createMemslot(mem, vm, slot);
  const vcpu = newVcpu(0);
  const touchAll = (): number => {
    enterGuest(mem, vm, vcpu);
    const from = performance.now();
    for (let page = 0; page < PAGES; page++) {
      write32(mem, vm, vcpu, (page * PAGE_SIZE) as Gpa, page);
    }
    const ms = performance.now() - from;
    leaveGuest(mem, vcpu);
    return ms;
  };
  return () => {
    dropPages(mem, vm, slot.hvn, PAGES);
    const before = vcpu.stat.pf_taken;
    const firstMs = touchAll();
    const faults = vcpu.stat.pf_taken - before;
    deleteMemslot(mem, vm, slot.id);
    createMemslot(mem, vm, slot);
    return { faults, firstMs, againMs: touchAll() };
  };
}

export function largePageBars({ touch, resume }: LargePageTimes): Bar[] {
  const { small, large } = touch;
  return [
    {
      name: `faults of touching ${MIB} MiB first, 4K : 2M`,
      value: small.faults / large.faults,
      detail: `${count(small.faults)} : ${count(large.faults)}`,
    },
    against(
      `touching ${MIB} MiB first, 4K : 2M`,
      small.firstMs,
      large.firstMs,
      '; zeroing in both',
    ),
    against(`mapping ${MIB} MiB again, 4K : 2M`, small.againMs, large.againMs),
    ...resumeBars(resume),
  ];
}

function resumeBars({ small, eager, late }: LargePageTimes['resume']): Bar[] {
  const bar = (name: string, other: ResumeTimes): Bar =>
    against(
      `writing ${RESUME_MIB} MiB after logging began, ${name} : eager`,
      other.writeMs,
      eager.writeMs,
      `; to begin ${figure(other.beginMs)} ms : ${figure(eager.beginMs)} ms`,
    );
  return [bar('4K', small), bar('late split', late)];
}

const against = (name: string, one: number, other: number, more = ''): Bar => ({
  name,
  value: one / other,
  detail: `${figure(one)} ms : ${figure(other)} ms${more}`,
});
