// Acts and events in the words of a difference: who, where, what.
import { formatSpte, type MmuEvent, type Spte } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { Act } from './acts/act.ts';

export function describe(act: Act): string {
  if (act.kind === 'fault') return `fault of vCPU ${act.fault.vcpu_id}`;
  if (act.kind === 'nested-fault') return `fault of a guest of vCPU ${act.fault.vcpu_id}`;
  if (act.kind === 'ioctl') return `${act.marker.ev} of task ${act.pid}`;
  return `${act.kind} of task ${act.pid}`;
}

export const whereOf = (body: MmuEvent | TraceBody): string => {
  const { gfn, level } = body as { gfn?: number; level?: number };
  if (gfn === undefined) return body.event;
  return `gfn ${gfn.toString(16)}${level === undefined ? '' : ` level ${level}`}`;
};

export function tellingOf(body: MmuEvent | TraceBody): string {
  if (body.event === 'kvm_tdp_mmu_spte_changed') {
    return `${formatSpte(body.old_spte)} -> ${formatSpte(body.new_spte)}`;
  }
  const { spte } = body as { spte?: Spte };
  return spte === undefined ? body.event : `${body.event} ${formatSpte(spte)}`;
}
