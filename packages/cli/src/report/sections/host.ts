// What the host did with the guest's memory meanwhile, and how long a vCPU spun on it.
import type { Report, Spin } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, gfn, inTicks, plural, pointInTime, size } from '../units.ts';

const SHOWN = 4;

export function host({ notifiers, longestSpin, unit }: Report): Section | undefined {
  const calls = notifiers.reduce((sum, row) => sum + row.calls, 0);
  if (calls === 0) return undefined;
  const shown = notifiers.slice(0, SHOWN);
  const who = shown.map((row) => `${row.task} ${count(row.calls)} (${size(row.bytes)})`).join(', ');
  const spin =
    longestSpin === undefined
      ? 'no vCPU spun on one page'
      : `longest spin: vCPU ${longestSpin.vcpu} on ${pageOf(longestSpin)} at ` +
        `${pointInTime(longestSpin.began, unit)}, ${plural(longestSpin.faults, 'fault')} in ` +
        `${duration(longestSpin.length * (unit === 'ns' ? 1000 : 1), unit)}${inTicks(unit)}`;
  return {
    title: `Host: ${plural(calls, 'mmu notifier call')} took pages away, by ${who}`,
    sentences: [spin],
    soWhat: [{ text: soWhat(notifiers, calls) }],
  };
}

/** A handful of calls is a VMM that starts and ends. */
const FEW = 100;
/** Of a name, trace-cmd report -l prints the first eight letters. */
const ADVICE: readonly (readonly [who: RegExp, advice: string])[] = [
  [/^ksmd/, 'keep KSM off this VM (MADV_UNMERGEABLE, or run 0) while it migrates'],
  [/^khugepag/, 'khugepaged collapses pages under the VM: use huge pages from the start'],
  [/^(kswapd|kcompact)/, 'the host reclaims or compacts memory: it has too little for its VMs'],
  [/^vCPUs \(copy/, 'copies of shared pages: KSM and fork share them'],
];

function soWhat([most]: Report['notifiers'], calls: number): string {
  if (most === undefined || calls < FEW) return 'few: the host left the memory alone';
  const [, advice] = ADVICE.find(([who]) => who.test(most.task)) ?? [];
  return `${most.task}: ${advice ?? 'a thread of the VMM or the host: its madvise, munmap, mprotect or fork'}`;
}

/** Addresses of a kernel's half are negative. */
const pageOf = ({ gfn: number, address }: Spin): string =>
  number === -1 ? `gva ${BigInt.asUintN(64, BigInt(address)).toString(16)}` : `gfn ${gfn(number)}`;
