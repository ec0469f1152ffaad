// One trace's replay for a reader: what agreed, by what each difference is explained, and the first that is not.
import {
  COMPARED,
  type Difference,
  gaps,
  hasHoles,
  INFERENCES,
  type Inference,
  LEFT_OUT,
  type LeftOut,
  RULES,
  type Rule,
  type TraceSummary,
  type Verdicts,
} from '@faultline/trace';
import { count, formatTable, type Row } from '../table.ts';
import { wrap } from '../wrap.ts';
import type { ReplayedTrace } from './replay-trace.ts';
import { share } from './share.ts';

const WIDTH = 100;

/** With every unexplained difference if `all`, else the first. */
export function replayText(
  { name, summary, used, verdicts, ms }: ReplayedTrace,
  all: boolean,
): string {
  if (verdicts === undefined) return '';
  const head = `${name}: ${count(used)} of ${count(summary.events)} events replayed in ${(ms / 1000).toFixed(1)} s`;
  const sections = [
    [head, ...missing(summary)].join('\n'),
    formatTable(['agreed', 'explained', 'unexplained', ''], rowsOf(verdicts)),
    ...legend('explained, by docs/replay.md', verdicts.rules, RULES),
    ...legend('inferred, and compared all the same', verdicts.inferences, INFERENCES),
    ...legend('not replayed', verdicts.leftOut, LEFT_OUT),
    differences(verdicts.unexplained, all),
  ];
  return `${sections.join('\n\n')}\n`;
}

function missing(summary: TraceSummary): string[] {
  const lines = gaps(summary).map((gap) => wrap(gap, '  ', '    ', WIDTH));
  return hasHoles(summary)
    ? [...lines, '  => what differs may follow from what is missing: no finding']
    : lines;
}

function rowsOf({ tallies }: Verdicts): Row[] {
  return COMPARED.flatMap((name) => {
    const tally = tallies[name];
    if (tally === undefined) return [];
    const { agreed, explained, unexplained } = tally;
    return [{ name, cells: [...[agreed, explained, unexplained].map(count), share(tally)] }];
  });
}

function legend<Key extends Rule | Inference | LeftOut>(
  title: string,
  counts: Readonly<Partial<Record<Key, number>>>,
  meaning: Readonly<Record<Key, string>>,
): string[] {
  const lines = (Object.keys(meaning) as Key[]).flatMap((key) => {
    const times = counts[key];
    return times === undefined
      ? []
      : [wrap(`${key}: ${meaning[key]}`, `${count(times).padStart(9)}  `, ' '.repeat(11), WIDTH)];
  });
  return lines.length === 0 ? [] : [[title, ...lines].join('\n')];
}

function differences(unexplained: readonly Difference[], all: boolean): string {
  const [first] = unexplained;
  if (first === undefined) return 'nothing is left unexplained';
  const title = all
    ? 'unexplained'
    : `first of ${count(unexplained.length)} unexplained (--all lists them)`;
  return [title, ...(all ? unexplained : [first]).map(describe)].join('\n');
}

const describe = ({ kind, line, time, expected, got, where }: Difference): string =>
  [
    `  line ${line}, ${(time / 1e6).toFixed(6)} s: ${kind}, ${where}`,
    `    expected  ${expected}`,
    `    got       ${got}`,
  ].join('\n');
