// A fault as its events tell of it, one by one.
import { type Gfn, type Gpa, gpaToGfn, type KvmPageFault } from '@faultline/mmu';
import type { TraceEvent } from '../../trace-event.ts';
import type { Running } from '../replayed-vm.ts';
import type { ActBase, FaultAct } from './act.ts';

export const newFaultAct = (base: ActBase, fault: KvmPageFault, running: Running): FaultAct => ({
  ...base,
  kind: 'fault',
  fault,
  running,
  fast: undefined,
  check: undefined,
  leaf: undefined,
  end: base.begin,
  refused: false,
  emulated: false,
});

/** Of the page that it is about. */
export const gfnOf = ({ fault }: FaultAct): Gfn => gpaToGfn(fault.fault_address as Gpa);

/** Did anything come of it, or did the kernel let it go without a word? */
export function isDecided({ decisions, fast }: FaultAct, events: readonly TraceEvent[]): boolean {
  if (decisions.length !== 1 || fast === undefined) return decisions.length > 0;
  const { body } = events[fast] as TraceEvent;
  return body.event === 'fast_page_fault' && (body.fixed || body.spurious);
}
