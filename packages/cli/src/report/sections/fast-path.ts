// What the fast path repaired, and what the slow path would have cost instead.
import type { FastShare, MmuMode, Report, SlowPathEstimate } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, inTicks, millions, share, type Unit } from '../units.ts';

export function fastPath({ fast, mode, vcpus, unit }: Report): Section {
  const { candidates, repaired } = fast;
  if (candidates === 0) {
    return { title: 'Fast path: no write met a page that was present and protected' };
  }
  return {
    title:
      `Fast path: repaired ${share(repaired, candidates)} of the faults on protection ` +
      `(${count(repaired)} of ${count(candidates)})`,
    sentences: [estimateWords(fast, vcpus, unit)],
    soWhat: [{ text: soWhat(fast, mode) }],
  };
}

const BASES: Readonly<Record<NonNullable<SlowPathEstimate['from']>, string>> = {
  slow_write: 'slow repairs of the same kind; waiting for mmu_lock not counted',
  slow_remap: 'slow maps of 4K pages that the host had: nearly the same work',
  slow_map: "slow maps of 4K pages, which may wait for the host's page: so rather less",
};

function estimateWords(
  { estimate, repaired }: FastShare,
  vcpus: Report['vcpus'],
  unit: Unit,
): string {
  const { from, samples, slowMedian, fastMedian, added } = estimate;
  if (repaired === 0) return 'it repaired none, so it saved no time';
  if (from === undefined) {
    return 'what the slow path would have added cannot be said: the trace has too few slow faults to measure it by';
  }
  const medians = `medians ${duration(slowMedian, unit)} against ${duration(fastMedian, unit)}${inTicks(unit)}`;
  const basis = `${count(samples)} ${BASES[from]}`;
  const time = vcpus.reduce((sum, { span }) => sum + span, 0);
  const total = `${millions(added)} ${unit === 'ns' ? 'ms' : 'Mticks'}`;
  return `the slow path would have added about ${total}, ${share(added, time)} of the vCPUs' time: ${medians}, by ${basis}`;
}

function soWhat({ candidates, repaired }: FastShare, { mmu, isNested }: MmuMode): string {
  if (repaired > 0.95 * candidates) return 'it does what it can: only fewer such faults would help';
  if (mmu === 'shadow')
    return 'shadow paging of a guest that pages has no fast path: use EPT or NPT';
  if (isNested && repaired === 0) return 'nested guests take the slow path under the dirty log';
  return 'the rest took mmu_lock: the kinds above say why';
}
