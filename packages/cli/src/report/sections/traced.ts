// What was traced, by whom it is known, and what is missing.
import { gaps, type MmuMode, type Report, type TraceSummary } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, inTicks, plural, pointInTime, type Unit } from '../units.ts';

const MMUS: Readonly<Record<MmuMode['mmu'], string>> = {
  tdp: 'TDP MMU',
  legacy: 'legacy direct MMU',
  shadow: 'shadow MMU',
  unknown: 'MMU not known',
};

export function traced({ summary, mode, vcpus, unit, filter }: Report, name: string): Section {
  const { events, firstTime, lastTime } = summary;
  const span = duration((lastTime - firstTime) * (unit === 'ns' ? 1000 : 1), unit);
  const from = pointInTime(firstTime, unit);
  const to = pointInTime(lastTime, unit);
  const vms = vmsOf(vcpus.map(({ vcpu }) => vcpu));
  return {
    title: `${name}: ${plural(events, 'event')} in ${span}${inTicks(unit)}, ${lostWords(summary)}`,
    sentences: [
      `${mmuWords(mode)} (${mode.how})${mode.isNested ? ', nested guests' : ''}; ` +
        `${plural(vcpus.length, 'vCPU')}${vms > 1 ? ` of at least ${vms} VMs` : ''} with faults, on ${plural(summary.cpus, 'CPU')}`,
      `${from} to ${to}, ${clockWords(unit)}`,
      `${summary.kernel ?? 'kernel not named by the trace'}${nonPresentWords(mode)}`,
      ...filterWords(filter, unit),
      ...gaps(summary),
    ],
  };
}

/** `AMD, TDP MMU`; no vendor where the trace does not show it. */
export const mmuWords = ({ vendor, mmu }: MmuMode): string =>
  `${vendor === 'unknown' ? '' : `${vendor}, `}${MMUS[mmu]}`;

/** Each VM has one vCPU of a number. */
function vmsOf(numbers: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return Math.max(1, ...counts.values());
}

function lostWords({ lost: { overwritten, reported, dropped, unnumbered } }: TraceSummary): string {
  const lost = overwritten + reported + dropped;
  if (unnumbered > 0) return lost === 0 ? 'some LOST' : `more than ${count(lost)} LOST`;
  return lost === 0 ? 'none lost' : `${count(lost)} LOST`;
}

const clockWords = (unit: Unit): string =>
  unit === 'ns'
    ? "the trace's clock; on an emulated host it gives the order, not durations"
    : 'in ticks of the TSC: divide by its rate for times';

function nonPresentWords({ nonPresent }: MmuMode): string {
  if (nonPresent === 'zero') return ', empty sptes are 0 as before 6.9';
  return nonPresent === 'bit63' ? ', empty sptes have bit 63 as since 6.9' : '';
}

function filterWords({ vcpu, pid, time, gfn }: Report['filter'], unit: Unit): string[] {
  const bounds = (from: number, to: number, say: (value: number) => string): string =>
    `${from === Number.NEGATIVE_INFINITY ? '' : say(from)}..${to === Number.POSITIVE_INFINITY ? '' : say(to)}`;
  const parts = [
    ...(vcpu === undefined ? [] : [`vCPU ${vcpu}`]),
    ...(pid === undefined ? [] : [`thread ${pid}`]),
    ...(time === undefined
      ? []
      : [`time ${bounds(time[0], time[1], (at) => pointInTime(at, unit))}`]),
    ...(gfn === undefined ? [] : [`gfn ${bounds(gfn[0], gfn[1], (page) => page.toString(16))}`]),
  ];
  return parts.length === 0 ? [] : [`ONLY the faults of ${parts.join(', ')}`];
}
