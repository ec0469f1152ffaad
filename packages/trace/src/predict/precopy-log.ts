// cloud-hypervisor's log of a migration (-v), one line for each round:
//
//   ... Precopy: iter=1 total=11562MiB curr=5418MiB bw=1824.44MiB/s transfer=2.97s overhead=56ms est_downtime=2726ms elapsed=6.14s
//
// `curr` is what the round before had left dirty: what was written while that round was sent. `overhead` is the time in which it
// was harvested.
import type { RecordedLoad } from './recorded-load.ts';

const LINE = /Precopy: iter=(\d+) total=\S+ curr=(\S+) bw=(\S+)\/s transfer=(\S+) overhead=(\S+)/g;
const PAGE_SIZE = 4096;
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  ms: 1e-3,
  s: 1,
};

interface Iteration {
  readonly iter: number;
  readonly bytes: number;
  readonly bandwidth: number;
  readonly transferS: number;
  readonly overheadS: number;
}

export function precopyLog(text: string): RecordedLoad | undefined {
  const iterations = [...text.matchAll(LINE)].map(iterationOf);
  if (iterations.length === 0) return undefined;
  const samples = iterations.flatMap(({ iter, bytes }, i) => {
    const before = iterations[i - 1];
    if (before === undefined || before.iter !== iter - 1) return [];
    return [{ seconds: before.transferS + before.overheadS, pages: bytes / PAGE_SIZE }];
  });
  if (samples.length === 0) {
    throw new SyntaxError(
      'one round of a migration, which does not say what was written meanwhile',
    );
  }
  const sent = iterations.reduce((sum, { bytes }) => sum + bytes, 0);
  const bandwidth =
    iterations.reduce((sum, round) => sum + round.bandwidth * round.bytes, 0) / sent;
  const memory = iterations.find(({ iter }) => iter === 0)?.bytes;
  const harvests = iterations
    .filter(({ iter }) => iter > 0)
    .map(({ bytes, overheadS }) => ({ pages: bytes / PAGE_SIZE, seconds: overheadS }));
  return {
    format: 'cloud-hypervisor log',
    samples,
    pageSize: PAGE_SIZE,
    memory,
    bandwidth,
    harvests,
    switchOver: 'round-end',
  };
}

function iterationOf([, iter, curr, bw, transfer, overhead]: RegExpMatchArray): Iteration {
  return {
    iter: Number(iter),
    bytes: quantity(curr),
    bandwidth: quantity(bw),
    transferS: quantity(transfer),
    overheadS: quantity(overhead),
  };
}

function quantity(text = ''): number {
  const [, number, unit = ''] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new SyntaxError(`${text} in a "Precopy:" line`);
  return Number(number) * factor;
}
