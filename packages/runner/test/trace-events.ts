// Events of a trace made by hand.
import type { Marker, TraceBody, TraceEvent } from '@faultline/trace';
import type { TracePlan } from '../src/trace-plan.ts';
import { TracePlanner } from '../src/trace-planner.ts';

export const PAGE = 4096;
export const HVA = 0x7f00_0000_0000;

type MemslotMarker = Extract<Marker, { ev: 'memslot' }>;

interface MemslotOptions extends Partial<Pick<MemslotMarker, 'slot' | 'flags' | 'errno'>> {
  readonly gfn?: number;
  readonly pages?: number;
  readonly hva?: number;
}

export const event = (body: TraceBody): TraceEvent => ({
  line: 1,
  task: 'vcpu0',
  pid: 1,
  cpu: 0,
  time: 0,
  body,
});

export const marker = (of: Marker): TraceEvent => event({ event: 'marker', marker: of });

/** A write of word 0 by vCPU 0, unless told otherwise. */
export const touch = (
  gfn: number,
  { vcpu = 0, write = true, word = 0 }: { vcpu?: number; write?: boolean; word?: number } = {},
): TraceEvent =>
  event({
    event: 'kvm_page_fault',
    vcpu_id: vcpu,
    rip: 0,
    fault_address: (gfn * PAGE + word * 4) as never,
    error_code: write ? 7 : 5,
  });

export const fastPageFault = (how: 'fixed' | 'spurious' | 'neither'): TraceEvent =>
  event({
    event: 'fast_page_fault',
    vcpu_id: 0,
    cr2_or_gpa: 0 as never,
    error_code: 7,
    sptep: 0 as never,
    old_spte: { low: 0, high: 0 },
    new_spte: { low: 0, high: 0 },
    spurious: how === 'spurious',
    fixed: how === 'fixed',
  });

export const setSpte = (gfn: number): TraceEvent =>
  event({
    event: 'kvm_mmu_set_spte',
    gfn: gfn as never,
    spte: { low: 0, high: 0 },
    level: 1,
    sptep: 0 as never,
  });

export const merge = (error: number): TraceEvent =>
  event({ event: 'ksm_merge_with_ksm_page', pfn: 0 as never, error });

/** A memslot marker; slot 1, sixteen pages at gfn 0x100, unless told otherwise. */
export function memslot(
  op: 'create' | 'flags' | 'delete' | 'move',
  at: 'begin' | 'end',
  { slot = 1, gfn = 0x100, pages = 16, hva = HVA, ...rest }: MemslotOptions = {},
): TraceEvent {
  return marker({
    ev: 'memslot',
    at,
    op,
    slot,
    gpa: `0x${(gfn * PAGE).toString(16)}`,
    size: pages * PAGE,
    hva: `0x${hva.toString(16)}`,
    flags: 0,
    ...(at === 'end' ? { errno: 0 } : {}),
    ...rest,
  });
}

export const created = (of?: Parameters<typeof memslot>[2]): TraceEvent =>
  memslot('create', 'end', of);

export const harvestOf = (slot: number, dirty = 0): TraceEvent[] => [
  marker({ ev: 'get_dirty_log', at: 'begin', slot, round: 0 }),
  marker({ ev: 'get_dirty_log', at: 'end', slot, round: 0, pages: 16, dirty }),
];

export function planOf(...events: readonly TraceEvent[]): TracePlan {
  const planner = new TracePlanner();
  for (const each of events) planner.add(each);
  return planner.plan();
}
