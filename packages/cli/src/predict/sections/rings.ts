// How long vCPUs stand still with full rings, for several sizes.
import type { MigrationParameters, RingOutlook } from '@faultline/trace';
import { formatSeconds } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import { NOTHING, share } from '../../report/units.ts';
import { count, figure } from '../../table.ts';
import type { Prediction } from '../prediction.ts';
import { leastNeverFull, MOST_ENTRIES, meanOutlook, sizesAround } from '../ring-sizes.ts';

/** vCPUs whose parts are listed one by one. */
const MOST_NAMED = 8;

export function rings({ input, parameters, strategies }: Prediction): Section | undefined {
  if (strategies.every(({ strategy }) => strategy !== 'ring')) return undefined;
  const { pages } = input.loads;
  const { vcpuShares, size } = parameters.ring;
  return {
    title: `Rings: ${writers(vcpuShares)}`,
    sentences: [emptied(parameters), ...inMigration(strategies, size)],
    table: {
      head: ['fills in', 'full exits/s', 'stands still, ms/s', 'writes left'],
      rows: sizesAround(size).map((entries) => {
        const outlook = meanOutlook(pages, parameters, entries);
        return { name: `${count(entries)} entries`, cells: cellsOf(outlook) };
      }),
    },
    soWhat: [{ text: soWhat(leastNeverFull(pages, parameters)) }],
  };
}

function writers(shares: readonly number[]): string {
  if (shares.length === 1) return 'one vCPU';
  const [most, least] = [Math.max(...shares), Math.min(...shares)];
  if (most === least) return `${count(shares.length)} vCPUs that write as much as each other`;
  return shares.length > MOST_NAMED
    ? `${count(shares.length)} vCPUs with ${share(least, 1)} to ${share(most, 1)} of the writes`
    : `vCPUs with ${shares.map((part) => share(part, 1)).join(', ')} of the writes`;
}

const emptied = ({ ring: { reapIntervalMs } }: MigrationParameters): string =>
  reapIntervalMs === undefined
    ? 'emptied every second, and at once by a vCPU whose own is full (QEMU); it stands still meanwhile'
    : `emptied every ${count(reapIntervalMs)} ms; a vCPU whose own is full stands still until then`;

/** In the middle one of the draws. */
function inMigration(strategies: Prediction['strategies'], size: number): string[] {
  const run = strategies.find(({ strategy }) => strategy === 'ring')?.run;
  if (run === undefined) return [];
  const time = `${formatSeconds(run.ringStallMs / 1000)} of ${formatSeconds(run.totalS)}`;
  return [`with ${count(size)} entries the vCPU that is hit most stands still for ${time}`];
}

/** Of the vCPU that it hits most. */
const cellsOf = ({ fillsInS, fullExitsPerS, stallShares, runningShare }: RingOutlook): string[] => [
  fillsInS === undefined ? NOTHING : formatSeconds(fillsInS),
  figure(fullExitsPerS),
  figure(Math.max(...stallShares) * 1000),
  share(runningShare, 1),
];

const soWhat = (least: number | undefined): string =>
  least === undefined
    ? `even ${count(MOST_ENTRIES)} entries, KVM's most, are full before they are emptied`
    : `${count(least)} entries are never full`;
