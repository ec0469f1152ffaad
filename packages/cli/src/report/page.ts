// The report as one page, or one part of it in full.
import type { Report } from '@faultline/trace';
import type { Section } from './section.ts';
import { dirtyLog } from './sections/dirty-log.ts';
import { fastPath } from './sections/fast-path.ts';
import { faults } from './sections/faults.ts';
import { host } from './sections/host.ts';
import { hugePages } from './sections/huge-pages.ts';
import { mmio } from './sections/mmio.ts';
import { races } from './sections/races.ts';
import { ranges } from './sections/ranges.ts';
import { stall } from './sections/stall.ts';
import { traced } from './sections/traced.ts';

export const BREAKDOWNS = ['kind', 'vcpu', 'round', 'gfn'] as const;
export type Breakdown = (typeof BREAKDOWNS)[number];

export interface PageOptions {
  /** Name of the trace, as its heading says it. */
  readonly name: string;
  /** Only this table, in full. */
  readonly by?: Breakdown | undefined;
  /** Only the races, all drawn. */
  readonly races?: true | undefined;
}

export function page(
  report: Report,
  { name, by, races: onlyRaces }: PageOptions,
): readonly Section[] {
  const part = onlyRaces ? races(report, { all: true }) : by && breakdown(report, by);
  const parts = part === undefined ? wholePage(report) : [part];
  return [traced(report, name), ...parts.filter((section) => section !== undefined)];
}

function breakdown(report: Report, by: Breakdown): Section | undefined {
  switch (by) {
    case 'kind':
      return faults(report);
    case 'vcpu':
      return stall(report);
    case 'round':
      return dirtyLog(report, { all: true });
    case 'gfn':
      return ranges(report, { all: true });
  }
}

const wholePage = (report: Report): readonly (Section | undefined)[] => [
  faults(report),
  stall(report),
  dirtyLog(report, { all: false }),
  fastPath(report),
  ranges(report, { all: false }),
  hugePages(report),
  mmio(report),
  host(report),
  races(report, { all: false }),
];
