// What is printed of a migration.
import type { MigrationInfo } from '@faultline/machine';
import type { GuestEnd } from '@faultline/runner';
import { count } from '../table.ts';
import type { ReceiveResult } from './receive.ts';

const MiB = 1024 * 1024;
const mib = (bytes: number): string => `${(bytes / MiB).toFixed(1)} MiB`;
const ms = (time: number): string => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
const checksum = (digest: number): string => `checksum ${digest.toString(16).padStart(8, '0')}`;

/** One line while it runs. */
export function progressLine({ status, ram, ...info }: MigrationInfo): string {
  if (info.mode === 'postcopy') {
    const asked = `${count(ram['postcopy-requests'])} pages asked for`;
    return `${status}: ${mib(ram.transferred)} sent, ${mib(ram.remaining)} remaining, ${asked}`;
  }
  const throttled = info['cpu-throttle-percentage'];
  const downtime = info['expected-downtime'];
  return (
    `${status}: round ${info.rounds.length}, ${mib(ram.transferred)} sent, ${mib(ram.remaining)} remaining, ` +
    `${ram.mbps.toFixed(0)} mbps${downtime === undefined ? '' : `, expected downtime ${ms(downtime)}`}` +
    `${throttled > 0 ? `, vCPUs throttled by ${throttled} %` : ''}`
  );
}

/** What the source says at the end. */
export function sourceReport({ ram, ...info }: MigrationInfo): string {
  const lines: [string, string][] = [
    ['status', info.confirmed ? info.status : `${info.status}, the handover not confirmed`],
    ['total time', ms(info['total-time'])],
    ['setup', ms(info['setup-time'])],
    [
      'downtime',
      info.mode === 'postcopy'
        ? `${ms(info.downtime)}, then post-copy`
        : `${ms(info.downtime)}, of which the comparison ${ms(info['verify-time'])}`,
    ],
    ['rounds', info.rounds.map(count).join(', ') || 'none'],
    [
      'transferred',
      `${mib(ram.transferred)}${ram.mbps > 0 ? ` at ${ram.mbps.toFixed(0)} mbps` : ''}`,
    ],
    ['normal', `${count(ram.normal)} pages, ${mib(ram['normal-bytes'])}`],
    ['duplicate', `${count(ram.duplicate)} zero pages`],
    ['dirty rate', `${count(Math.round(ram['dirty-pages-rate']))} pages/s`],
    ['throttle', `${info['cpu-throttle-percentage']} %`],
    info.mode === 'postcopy'
      ? ['requests', `${count(ram['postcopy-requests'])} pages that the guest waited for`]
      : ['memory', info.digest === undefined ? 'not compared' : `equal, ${checksum(info.digest)}`],
  ];
  return table(lines);
}

/** What the destination says at the end. */
export const destinationReport = (
  { received: { shape, ...received }, guest }: ReceiveResult,
  snapshot?: string,
): string =>
  table([
    [
      'status',
      received.handedOver ? 'completed' : 'complete, not handed over: the source may run on',
    ],
    ['memory', `${count(shape.pages)} pages of ${shape.pageSize} bytes`],
    ...shape.slots.map(({ id, gfn, npages }): [string, string] => {
      return [`slot ${id}`, `gfn 0x${gfn.toString(16)}, ${count(npages)} pages`];
    }),
    ['normal', `${count(received.normal)} pages`],
    ['duplicate', `${count(received.duplicate)} zero pages`],
    ['rounds', String(received.rounds)],
    received.requests === undefined
      ? [
          'content',
          received.digest === undefined ? 'not compared' : `equal, ${checksum(received.digest)}`,
        ]
      : ['requests', `${count(received.requests)} pages that the guest waited for`],
    ...(snapshot === undefined ? [] : [['snapshot', snapshot] as [string, string]]),
    ['guest', guest === undefined ? 'not run here' : guestLine(guest)],
  ]);

const guestLine = ({ touches, words, ok, ...end }: GuestEnd): string =>
  `${count(touches)} touches here; ` +
  (ok
    ? `all ${count(words)} words are as they were written, there and here`
    : `${count(end.wrongWords)} of ${count(words)} words are not as they were written; ${end.lostWrites.join('; ')}`);

const table = (lines: readonly (readonly [string, string])[]): string =>
  lines.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join('');
