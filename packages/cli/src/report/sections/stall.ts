// How long each vCPU stood still in its faults, and how much of that is the dirty log's.
import {
  FAULT_KINDS,
  type FaultKind,
  type KindRow,
  type Report,
  type VcpuRow,
} from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { duration, inTicks, millions, share, stallHead } from '../units.ts';

/** A vCPU that stands still for a tenth of its time is slower by something that a user notices. */
const MUCH = 0.1;
/** Stalls that splitting ahead spares. */
const OF_HUGE_PAGES: ReadonlySet<FaultKind> = new Set(['huge_logged', 'slow_remap']);

export function stall({ vcpus, kinds, unit }: Report): Section | undefined {
  if (vcpus.length === 0) return undefined;
  return {
    title: 'vCPU stall: not in the guest because of a fault',
    table: {
      head: [
        'faults',
        `p99${inTicks(unit)}`,
        'longest',
        stallHead(unit),
        'of time',
        'dirty log',
        'of time',
      ],
      rows: vcpus.map((row) => ({
        name: `vCPU ${row.vcpu} (${row.task}-${row.pid})`,
        cells: [
          count(row.faults),
          duration(row.p99, unit),
          duration(row.max, unit),
          millions(row.sum),
          share(row.sum, row.span),
          millions(row.loggingStall),
          share(row.loggingStall, row.span),
        ],
      })),
    },
    soWhat: [{ text: soWhat(vcpus, kinds) }],
  };
}

function soWhat(vcpus: readonly VcpuRow[], kinds: readonly KindRow[]): string {
  const total = sumOf(vcpus, ({ sum }) => sum);
  const logging = sumOf(vcpus, ({ loggingStall }) => loggingStall);
  if (total === 0) return 'no fault has a re-entry: record kvm:kvm_entry and kvm:kvm_exit too';
  if (total < MUCH * sumOf(vcpus, ({ span }) => span)) {
    return 'below a tenth of the time: look for a stall elsewhere';
  }
  if (logging > total / 2) {
    const split = kinds.some(({ kind }) => OF_HUGE_PAGES.has(kind))
      ? ', and split huge pages ahead'
      : '';
    return `${share(logging, total)} of it is the dirty log: harvest less often${split}`;
  }
  const [most] = kinds.toSorted((a, b) => b.sum - a.sum);
  if (most === undefined) return '';
  const { label, soWhat: todo } = FAULT_KINDS[most.kind];
  return `${share(logging, total)} of it is the dirty log; most (${share(most.sum, total)}) is "${label}": ${todo}`;
}

const sumOf = (vcpus: readonly VcpuRow[], of: (row: VcpuRow) => number): number =>
  vcpus.reduce((sum, row) => sum + of(row), 0);
