// The rounds of the dirty log: how much each found, how fast the guest wrote it, and how long its vCPUs stood still for it.
import type { Report, RoundRow, RoundsSource } from '@faultline/trace';
import { count, figure, type Row } from '../../table.ts';
import type { Section } from '../section.ts';
import {
  duration,
  inTicks,
  millions,
  plural,
  pointInTime,
  sizeOfPages,
  stallHead,
  type Unit,
} from '../units.ts';

const PAGE_SIZE = 4096;
/** More are for `--by round`. */
const SHOWN = 12;

const SOURCES: Readonly<Record<RoundsSource, string>> = {
  markers: "markers of the guest's driver",
  ioctls: "KVM's ioctls",
  sptes: 'pages that lose W, as a harvest leaves them',
};

export function dirtyLog(report: Report, { all }: { readonly all: boolean }): Section {
  const { rounds, roundsSource, unit } = report;
  if (roundsSource === undefined) return { title: 'Dirty log: no harvest in this trace' };
  const shown = all ? rounds : worst(rounds);
  const left = rounds.length - shown.length;
  return {
    title: `Dirty log: ${plural(rounds.length, 'round')}, from ${SOURCES[roundsSource]}`,
    sentences: [
      ...(left > 0
        ? [`the ${shown.length} with most stall; --by round has the other ${left}`]
        : []),
      ...windowSentences(report),
      ...fullSentences(report),
    ],
    table: {
      head: [
        'at',
        `over${inTicks(unit)}`,
        'dirty pages',
        'size',
        'MB/s',
        stallHead(unit),
        'worst vCPU',
        'phase',
      ],
      leftAligned: [7],
      rows: shown.map((round) => rowOf(round, report)),
    },
    soWhat: [{ text: soWhat(rounds, unit) }],
  };
}

function rowOf(round: RoundRow, { unit, vcpus }: Report): Row {
  const total = sum(round.stall);
  const most = Math.max(...round.stall, 0);
  const worstVcpu = vcpus[round.stall.indexOf(most)]?.vcpu;
  return {
    name: `round ${round.round}`,
    cells: [
      pointInTime(round.begin, unit),
      duration(lengthOf(round) * (unit === 'ns' ? 1000 : 1), unit),
      count(round.dirtyPages),
      sizeOfPages(round.dirtyPages),
      rateText(round, unit),
      millions(total),
      most === 0 ? '-' : `${worstVcpu}: ${millions(most)}`,
      round.phase ?? '',
    ],
  };
}

/** What the pages of a round were written in. */
const lengthOf = ({ since, end }: RoundRow): number => end - since;

/** Megabytes a second, as links are sold. */
const rateOf = (round: RoundRow): number => (round.dirtyPages * PAGE_SIZE) / lengthOf(round);
const rateText = (round: RoundRow, unit: Unit): string =>
  unit === 'ns' && lengthOf(round) > 0 ? figure(rateOf(round)) : '-';

function worst(rounds: readonly RoundRow[]): readonly RoundRow[] {
  if (rounds.length <= SHOWN) return rounds;
  const byStall = rounds.toSorted((a, b) => sum(b.stall) - sum(a.stall)).slice(0, SHOWN);
  return byStall.sort((a, b) => a.round - b.round);
}

function windowSentences({ windows, unit }: Report): string[] {
  if (unit !== 'ns' || windows.length === 0) return [];
  // Not Math.max(...): a trace may be weeks long, a call has room for some 100,000 arguments.
  const most = windows.reduce((most, { pages }) => Math.max(most, pages), 0);
  return [`working set of writes: ${sizeOfPages(most)} in the busiest second`];
}

function fullSentences({ logFull: { ringExits, pmlExits, stall }, unit }: Report): string[] {
  const whose = [
    ...(ringExits > 0
      ? [plural(ringExits, 'exit with a full dirty ring', 'exits with a full dirty ring')]
      : []),
    ...(pmlExits > 0
      ? [plural(pmlExits, 'exit with a full PML buffer', 'exits with a full PML buffer')]
      : []),
  ];
  if (whose.length === 0) return [];
  return [
    `${whose.join(', ')}, ${duration(stall, unit)}${inTicks(unit)} until re-entry, not counted above`,
  ];
}

/** A round is the pages of the time before it, so both are summed over all rounds. */
function soWhat(rounds: readonly RoundRow[], unit: Unit): string {
  const pages = sum(rounds.map(({ dirtyPages }) => dirtyPages));
  const length = sum(rounds.map(lengthOf));
  if (pages === 0) return 'nothing was written while the log was on';
  if (unit !== 'ns') return 'the clock counts ticks, so there are no rates';
  const rate = (pages * PAGE_SIZE) / length;
  const round = duration((1000 * length) / rounds.length, unit);
  return (
    `the guest dirties ${figure(rate)} MB/s (${figure((8 * rate) / 1000)} Gbit/s) in rounds of ${round}: ` +
    'over a slower link rounds stay longer than that, and so does the downtime; see faultline predict'
  );
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
