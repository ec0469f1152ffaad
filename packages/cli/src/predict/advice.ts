// What follows from a prediction: whether it converges, and what would make it.
import type { MigrationParameters, StrategyPrediction } from '@faultline/trace';
import { formatBandwidth, formatSeconds } from '../quantity.ts';
import type { SoWhat } from '../report/section.ts';
import { plural } from '../report/units.ts';
import { count } from '../table.ts';

/** The first strategy is the one that was asked for; the others are beside it. */
export function advice(
  [first, ...others]: readonly StrategyPrediction[],
  parameters: MigrationParameters,
): SoWhat[] {
  if (first === undefined) return [];
  return first.run.converges
    ? [{ text: itConverges(first) }, standstill(first, parameters), ...margin(first, parameters)]
    : [{ text: itDoesNot(first, parameters) }, ...remedies(first, others)];
}

function itConverges({ strategy, run, convergesShare }: StrategyPrediction): string {
  const share = convergesShare < 1 ? `, in ${Math.round(convergesShare * 100)} % of the draws` : '';
  return (
    `${strategy} converges after ${plural(run.rounds.length, 'round')}${share}: ${formatSeconds(run.totalS)} in all, ` +
    `the guest stands still for ${formatSeconds(run.downtimeMs / 1000)}`
  );
}

/** A VMM holds the limit against the rest alone. */
function standstill({ run }: StrategyPrediction, { downtimeMs }: MigrationParameters): SoWhat {
  const { harvestMs, restMs, stateMs } = run.downtime;
  const [harvest, rest, state] = [harvestMs, restMs, stateMs].map((ms) => formatSeconds(ms / 1000));
  const over = run.downtimeMs - downtimeMs;
  const beyond =
    over > 0
      ? `: ${formatSeconds(over / 1000)} more than the limit, which counts what is pending alone`
      : '';
  return { of: 'downtime', text: `last harvest ${harvest}, rest ${rest}, state ${state}${beyond}` };
}

function margin(
  { breakEvenBandwidth }: StrategyPrediction,
  { bandwidth }: MigrationParameters,
): SoWhat[] {
  if (breakEvenBandwidth === undefined) return [];
  const least = formatBandwidth(breakEvenBandwidth);
  const isNear = breakEvenBandwidth / bandwidth > 0.8;
  const text = isNear
    ? `it is a near thing: below ${least} it would not`
    : `it would still converge at ${least}`;
  return [{ of: 'bandwidth', text }];
}

const WHY = {
  timeout: 'before the timeout',
  'no-progress': 'before the progress timeout',
  rounds: 'in a hundred rounds',
  converged: '',
  postcopy: '',
} as const;

function itDoesNot(
  { strategy, run }: StrategyPrediction,
  { downtimeMs }: MigrationParameters,
): string {
  return (
    `${strategy} does not converge: what is left after a round never fits in ${count(downtimeMs)} ms ` +
    `${WHY[run.end]}; it takes ${formatSeconds(run.downtimeMs / 1000)} at best. What would make it:`
  );
}

function remedies(first: StrategyPrediction, others: readonly StrategyPrediction[]): SoWhat[] {
  const least = first.breakEvenBandwidth;
  const bandwidth =
    least === undefined
      ? 'none would do: a round takes too long without the sending'
      : `${formatBandwidth(least)} would do`;
  const best = bestRound(first);
  const limit = `${count(Math.ceil(first.run.rounds[best]?.estDowntimeMs ?? 0))} ms, used after iter ${best}`;
  return [
    { of: 'bandwidth', text: bandwidth },
    { of: 'downtime limit', text: limit },
    ...others.filter(({ run }) => run.converges).map(remedy),
  ];
}

function remedy({ strategy, run }: StrategyPrediction): SoWhat {
  const throttled = run.rounds.at(-1)?.throttlePercent ?? 0;
  const price = [
    ...(throttled > 0 ? [`; vCPUs throttled by ${throttled} % in the end`] : []),
    ...(run.remoteFaults > 0
      ? [`; ${count(run.remoteFaults)} faults over the network at least`]
      : []),
  ];
  const times = `${formatSeconds(run.totalS)} in all, downtime ${formatSeconds(run.downtimeMs / 1000)}`;
  return { of: strategy, text: `${times}${price.join('')}` };
}

const bestRound = ({ run }: StrategyPrediction): number =>
  run.rounds.reduce((best, { iter, remainingBytes }) => {
    return remainingBytes < (run.rounds[best]?.remainingBytes ?? 0) ? iter : best;
  }, 0);
