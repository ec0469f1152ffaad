// What the host did with the guest's memory meanwhile, and how long a vCPU spun on it.
import type { Report } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, gfn, plural, pointInTime, size } from '../units.ts';

const SHOWN = 4;

export function host({ notifiers, longestSpin, unit }: Report): Section | undefined {
  const calls = notifiers.reduce((sum, row) => sum + row.calls, 0);
  if (calls === 0) return undefined;
  const shown = notifiers.slice(0, SHOWN);
  const who = shown.map((row) => `${row.task} ${count(row.calls)} (${size(row.bytes)})`).join(', ');
  const spin =
    longestSpin === undefined
      ? 'no vCPU spun on one page'
      : `longest spin: vCPU ${longestSpin.vcpu} on gfn ${gfn(longestSpin.gfn)} at ` +
        `${pointInTime(longestSpin.began, unit)}, ${plural(longestSpin.faults, 'fault')} in ` +
        `${duration(longestSpin.length * (unit === 'ns' ? 1000 : 1), unit)}`;
  return {
    title: `Host: ${plural(calls, 'mmu notifier call')} took pages away, by ${who}`,
    sentences: [spin],
    soWhat: [
      {
        text: 'whoever calls often holds vCPUs up: KSM, fork, reclaim, compaction, NUMA balancing',
      },
    ],
  };
}
