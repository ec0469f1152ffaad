// A race as steps in time, each by one of two threads: what the drawing, the JSON and a test look at.
import { isShadowPresent, isWritable, type Spte } from '@faultline/mmu';
import { FAULT_KINDS } from '../report/fault-kind.ts';
import type { SpteLayout } from '../spte/spte-view.ts';
import type { Race } from './race.ts';
import type { SpteChange } from './spte-changes.ts';
import { spteText } from './spte-text.ts';

export interface RaceStep {
  /** In the trace's time; undefined for what no event tells. */
  readonly time: number | undefined;
  readonly by: 'vcpu' | 'other';
  readonly text: string;
}

/** In the order of time; what hardware did stands where it must have been. */
export function raceSteps(race: Race): readonly RaceStep[] {
  const other = otherSteps(race);
  const before: RaceStep[] = Number.isNaN(race.enteredAt)
    ? []
    : [{ time: race.enteredAt, by: 'vcpu', text: 'kvm_entry: runs the guest' }];
  const hardware: RaceStep = {
    time: undefined,
    by: 'vcpu',
    text: `writes to gfn ${race.gfn.toString(16)}; hardware finds the page present and not writable`,
  };
  const after: RaceStep[] = [
    { time: race.began, by: 'vcpu', text: exitText(race) },
    { time: race.time, by: 'vcpu', text: lookText(race) },
    ...(Number.isNaN(race.ended)
      ? []
      : [{ time: race.ended, by: 'vcpu', text: `kvm_entry: ${endText(race)}` } as const]),
  ];
  const timed = [...other, ...after].sort((a, b) => (a.time ?? 0) - (b.time ?? 0));
  // Hardware still saw what the other thread was about to change, except where only the vCPU's own TLB did.
  const changeAt = timed.findIndex(
    ({ by, time }) => by === 'other' && time !== race.notifier?.time,
  );
  const exitAt = timed.findIndex(({ text }) => text === exitText(race));
  const at = changeAt === -1 ? exitAt : Math.min(changeAt, exitAt);
  return [...before, ...timed.toSpliced(at, 0, hardware)];
}

function otherSteps({ notifier, isNotifierCertain, change, layout }: Race): RaceStep[] {
  const call =
    notifier &&
    `kvm_unmap_hva_range ${notifier.start.toString(16)}-${notifier.end.toString(16)}` +
      (isNotifierCertain || change !== undefined ? '' : ' (the last meanwhile: no memslots known)');
  return [
    ...(notifier && call ? [{ time: notifier.time, by: 'other', text: call } as const] : []),
    ...(change
      ? [{ time: change.time, by: 'other', text: changeText(change, layout) } as const]
      : []),
  ];
}

function changeText({ source, oldSpte, newSpte, level }: SpteChange, layout: SpteLayout): string {
  const verb = changeVerb(oldSpte, newSpte, source === 'fast_page_fault');
  const where = level === 1 ? '' : ` (level ${level})`;
  const from = oldSpte === undefined ? '' : `${spteText(oldSpte, layout)} -> `;
  return `${verb}${where}: ${from}${spteText(newSpte, layout)}`;
}

function changeVerb(before: Spte | undefined, after: Spte, isFast: boolean): string {
  if (isFast) return 'fast path, fixed';
  if (!isShadowPresent(after.low)) return 'zaps';
  if (before === undefined || !isShadowPresent(before.low)) return 'maps';
  if (isWritable(before.low) && !isWritable(after.low)) return 'write-protects';
  return isWritable(after.low) && !isWritable(before.low) ? 'makes writable' : 'changes';
}

function lookText({ kind, oldSpte, newSpte, layout }: Race): string {
  const found = `fast path reads ${spteText(oldSpte, layout)}`;
  if (kind === 'withdrawn') return `${found}: not present, no exchange (INVALID)`;
  if (kind === 'repaired') return `${found}: writable already (SPURIOUS)`;
  if (kind === 'protected_again')
    return `fast path had read and exchanged ${spteText(oldSpte, layout)} (FIXED); by now it is ${spteText(newSpte, layout)}`;
  return isWritable(newSpte.low)
    ? `${found}, exchanges it (FIXED)`
    : `${found}: not its to mend (INVALID)`;
}

const exitText = ({ hasExit }: Race): string => (hasExit ? 'kvm_exit' : 'is handling the fault');

const endText = ({ faultKind }: Race): string =>
  faultKind === 'zapped_in_flight' ? 'the guest tries again' : FAULT_KINDS[faultKind].label;
