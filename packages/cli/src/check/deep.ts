// One program searched in several ways: do they agree?
import type { MemoryModel, Verdict } from '@faultline/checker';
import type { Checked } from '../check-pool.ts';
import { EXIT_BUDGET, EXIT_FINDING, EXIT_OK } from '../exit.ts';
import { count, formatTable, type Row } from '../table.ts';
import { wrap } from '../wrap.ts';
import type { Answer } from './answer.ts';
import type { Settings } from './settings.ts';

export type Way = 'states' | 'unmerged' | 'dpor' | 'preemptions';

/** A litmus under one model, and what came of each search. */
export interface Deep {
  readonly name: string;
  readonly model: MemoryModel;
  readonly found: { [way in Way]?: Checked };
}

type How = Pick<Settings, 'search' | 'merge'>;

/** Source-DPOR knows no store buffers. */
export const waysOf = (model: MemoryModel): Readonly<Partial<Record<Way, How>>> => ({
  states: { search: 'states', merge: true },
  unmerged: { search: 'states', merge: false },
  ...(model === 'sc' && { dpor: { search: 'dpor', merge: true } }),
  preemptions: { search: 'preemptions', merge: true },
});

const NAMES: Readonly<Record<Way, string>> = {
  states: 'states',
  unmerged: 'states without merging',
  dpor: 'dpor',
  preemptions: 'preemptions',
};

const searchesOf = ({ found }: Deep): readonly (readonly [Way, Checked])[] =>
  Object.entries(found) as [Way, Checked][];

const verdictOf = (checked: Checked | undefined): Verdict | undefined =>
  checked === undefined || 'error' in checked ? undefined : checked.verdict;

const certificatesOf = (deep: Deep): readonly string[] =>
  searchesOf(deep)
    .map(([, checked]) => verdictOf(checked))
    .filter((verdict) => verdict?.verdict === 'holds')
    .map((verdict) => (verdict as Verdict).certificate);

const isOpen = (checked: Checked): boolean => verdictOf(checked)?.verdict === 'budget';
const isWrong = (checked: Checked): boolean =>
  verdictOf(checked) === undefined || verdictOf(checked)?.verdict === 'violated';

const labelOf = ({ name, model }: Deep): string => (model === 'sc' ? name : `${name} (${model})`);

export function deepReport(deeps: readonly Deep[]): Answer {
  const searches = deeps.flatMap((deep) =>
    searchesOf(deep).map(([way, checked]) => ({ deep, way, checked })),
  );
  const saidOf = (which: typeof searches): string =>
    which.map(({ deep, way }) => `${labelOf(deep)} by ${NAMES[way]}`).join(', ');
  const differing = deeps.filter((deep) => new Set(certificatesOf(deep)).size > 1);
  const wrong = searches.filter(({ checked }) => isWrong(checked));
  const open = searches.filter(({ checked }) => isOpen(checked));
  const out = [
    formatTable(HEAD, [...deeps.map(rowOf), totalsOf(deeps)], { leftAligned: [4] }),
    '',
    wrap(
      `${count(searches.length)} searches of ${count(deeps.length)} litmuses, each under one model: ` +
        `${count(searches.length - open.length - wrong.length)} complete, ${differing.length === 0 ? 'all of one litmus with one certificate' : `${count(differing.length)} with certificates that DIFFER`}.`,
    ),
    ...(differing.length === 0 ? [] : [wrap(`DIFFERENT: ${differing.map(labelOf).join(', ')}.`)]),
    ...(wrong.length === 0 ? [] : [wrap(`NOT as claimed: ${saidOf(wrong)}.`)]),
    ...(open.length === 0 ? [] : [wrap(`The budget ended: ${saidOf(open)}.`)]),
    '',
  ].join('\n');
  const isBad = differing.length > 0 || wrong.length > 0;
  return { out, code: isBad ? EXIT_FINDING : open.length > 0 ? EXIT_BUDGET : EXIT_OK };
}

const HEAD = ['states', 'without merging', 'dpor executions', 'by preemptions', 'certificate'];

const figuresOf = ({ found }: Deep): readonly (readonly [Checked | undefined, number])[] =>
  [
    [found.states, verdictOf(found.states)?.states ?? 0],
    [found.unmerged, verdictOf(found.unmerged)?.states ?? 0],
    [found.dpor, verdictOf(found.dpor)?.executions ?? 0],
    [found.preemptions, verdictOf(found.preemptions)?.states ?? 0],
  ] as const;

function rowOf(deep: Deep): Row {
  const figures = figuresOf(deep).map(([checked, figure]) => {
    if (checked === undefined) return '-';
    if ('error' in checked) return 'FAILED';
    if (isWrong(checked)) return 'VIOLATED';
    return isOpen(checked) ? `> ${count(figure)}` : count(figure);
  });
  const certificates = certificatesOf(deep);
  const same = new Set(certificates).size <= 1;
  const said = certificates.length < 2 ? '-' : same ? `${certificates.length} equal` : 'DIFFER';
  return { name: labelOf(deep), cells: [...figures, said] };
}

function totalsOf(deeps: readonly Deep[]): Row {
  const sums = [0, 1, 2, 3].map((column) =>
    count(deeps.reduce((sum, deep) => sum + (figuresOf(deep)[column]?.[1] ?? 0), 0)),
  );
  return { name: 'all', cells: sums };
}
