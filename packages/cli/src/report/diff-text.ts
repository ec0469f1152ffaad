// Two traces side by side, as a section: a row per figure, and what to make of it.
import { type Comparison, gaps, type Report } from '@faultline/trace';
import { count, figure } from '../table.ts';
import type { Section } from './section.ts';
import { mmuWords } from './sections/traced.ts';
import { duration, NOTHING, plural, share } from './units.ts';

export interface Compared {
  readonly names: readonly [a: string, b: string];
  readonly reports: readonly [a: Report, b: Report];
  readonly rows: readonly Comparison[];
  readonly threshold: number;
}

export function diffSections({ names, reports, rows, threshold }: Compared): readonly Section[] {
  const percents = `${Number((100 * threshold).toFixed(2))} %`;
  const of = (verdict: Comparison['verdict']): readonly Comparison[] =>
    rows.filter((row) => row.verdict === verdict);
  const worse = of('worse');
  return [
    {
      title: `A ${names[0]} against B ${names[1]}`,
      sentences: reports.flatMap((report, n) =>
        [shapeOf(report), ...gaps(report.summary)].map(
          (words) => `${n === 0 ? 'A' : 'B'}: ${words}`,
        ),
      ),
      table: {
        head: ['A', 'B', 'B/A', 'verdict'],
        leftAligned: [3],
        rows: rows.filter(isThere).map(({ label, unit, a, b, ratio, verdict }) => ({
          name: label,
          cells: [
            valueText(a, unit),
            valueText(b, unit),
            ratio === undefined ? NOTHING : ratioText(ratio),
            VERDICTS[verdict],
          ],
        })),
      },
    },
    {
      title: `${plural(worse.length, 'figure is', 'figures are')} worse by more than ${percents}, ${of('better').length} better`,
      soWhat: [
        ...worse.map(({ label, ratio = Number.NaN }) => ({
          of: 'worse',
          text: `${label}, ${ratioText(ratio)}`,
        })),
        ...(of('shaky').length === 0
          ? []
          : [
              {
                text: `${plural(of('shaky').length, 'change')} on too few faults to mean anything: trace for longer`,
              },
            ]),
      ],
    },
  ];
}

/** What neither trace has is no line. */
const isThere = ({ a, b }: Comparison): boolean => a !== 0 || b !== 0;

const VERDICTS: Readonly<Record<Comparison['verdict'], string>> = {
  worse: 'WORSE',
  better: 'better',
  same: 'same',
  shaky: 'too few',
  neutral: '',
  'only in one': 'only in one',
};

const shapeOf = ({ mode, vcpus, summary, faults }: Report): string =>
  `${mmuWords(mode)}, ${plural(vcpus.length, 'vCPU')}, ${plural(faults, 'fault')} in ${plural(summary.events, 'event')}`;

const ratioText = (ratio: number): string =>
  Number.isFinite(ratio) ? `x${figure(ratio)}` : 'from 0';

function valueText(value: number | undefined, unit: Comparison['unit']): string {
  if (value === undefined) return NOTHING;
  if (unit === 'ns' || unit === 'ticks') return duration(value, unit);
  if (unit === 'share') return share(value, 1);
  if (unit === 'events' || unit === 'pages') return count(value);
  return `${figure(value)} ${unit}`;
}
