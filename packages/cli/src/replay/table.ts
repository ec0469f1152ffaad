// Many traces' replays, one line each.
import { type Compared, hasHoles, type Tally } from '@faultline/trace';
import { count, formatTable, type Row } from '../table.ts';
import type { ReplayedTrace } from './replay-trace.ts';
import { share } from './share.ts';

const HEAD = ['fast path', 'results', 'sptes', 'dirty pages', 'explained', 'unexplained'];

export function replayTable(replayed: readonly ReplayedTrace[]): string {
  const rows = replayed.flatMap((trace) => (trace.verdicts === undefined ? [] : [rowOf(trace)]));
  const refused = replayed.flatMap(({ name, refused: why }) =>
    why === undefined ? [] : [`${name}: not replayed: ${why}`],
  );
  const holed = replayed.flatMap(({ name, summary }) =>
    hasHoles(summary) ? [`${name}: events are missing: what differs is no finding`] : [],
  );
  return `${[formatTable(HEAD, rows), ...refused, ...holed].join('\n')}\n`;
}

function rowOf({ name, verdicts }: ReplayedTrace): Row {
  const tallies = verdicts?.tallies ?? {};
  const shareOf = (...kinds: Compared[]): string => share(sum(kinds.map((kind) => tallies[kind])));
  const all = sum(Object.values(tallies));
  return {
    name: name.replace(/\.txt(\.\w+)?$/, ''),
    cells: [
      shareOf('fast_page_fault'),
      shareOf('fault result'),
      shareOf('kvm_tdp_mmu_spte_changed', 'kvm_mmu_set_spte'),
      shareOf('dirty page', 'ring entry'),
      count(all.explained),
      count(all.unexplained),
    ],
  };
}

const sum = (tallies: readonly (Tally | undefined)[]): Tally => {
  const of = (key: keyof Tally) => tallies.reduce((total, tally) => total + (tally?.[key] ?? 0), 0);
  return { agreed: of('agreed'), explained: of('explained'), unexplained: of('unexplained') };
};
