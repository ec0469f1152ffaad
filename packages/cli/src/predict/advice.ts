// What follows from a prediction, in sentences: whether it converges, and what would make it.
import type { MigrationParameters, StrategyPrediction } from '@faultline/trace';
import { formatBandwidth, formatSeconds } from '../quantity.ts';
import { count } from '../table.ts';

/** `first`: the strategy that was asked for; the others are beside it. */
export function advice(
  predictions: readonly StrategyPrediction[],
  parameters: MigrationParameters,
): string[] {
  const [first, ...others] = predictions;
  if (first === undefined) return [];
  return first.run.converges
    ? [itConverges(first), ...margin(first, parameters)]
    : [itDoesNot(first, parameters), ...remedies(first, others)];
}

function itConverges({ strategy, run, convergesShare }: StrategyPrediction): string {
  const share = convergesShare < 1 ? `, in ${Math.round(convergesShare * 100)} % of the draws` : '';
  return (
    `So what: ${strategy} converges after ${rounds(run.rounds.length)}${share}: ${formatSeconds(run.totalS)} in all, ` +
    `the guest stands still for ${formatSeconds(run.downtimeMs / 1000)}.`
  );
}

function margin(
  { breakEvenBandwidth }: StrategyPrediction,
  { bandwidth }: MigrationParameters,
): string[] {
  if (breakEvenBandwidth === undefined) return [];
  const least = formatBandwidth(breakEvenBandwidth);
  const part = breakEvenBandwidth / bandwidth;
  if (part > 0.8) return [`It is a near thing: below ${least} it would not.`];
  return [`It would still converge at ${least}.`];
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
    `So what: ${strategy} does not converge: what is left after a round never fits in ${count(downtimeMs)} ms ` +
    `${WHY[run.end]}; it takes ${formatSeconds(run.downtimeMs / 1000)} at best.`
  );
}

function remedies(first: StrategyPrediction, others: readonly StrategyPrediction[]): string[] {
  const least = first.breakEvenBandwidth;
  const bandwidth =
    least === undefined
      ? 'no bandwidth: the state of the devices takes the whole downtime'
      : `a bandwidth of ${formatBandwidth(least)}`;
  return [
    'What would make it:',
    `- ${bandwidth}`,
    `- a downtime limit of ${count(Math.ceil(first.run.downtimeMs))} ms, used after iter ${bestRound(first)}`,
    ...others.filter(({ run }) => run.converges).map(remedy),
  ];
}

function remedy({ strategy, run }: StrategyPrediction): string {
  const throttled = run.rounds.at(-1)?.throttlePercent ?? 0;
  const price = [
    ...(throttled > 0 ? [`; vCPUs throttled by ${throttled} % in the end`] : []),
    ...(run.remoteFaults > 0
      ? [`; ${count(run.remoteFaults)} faults over the network at least`]
      : []),
  ];
  const times = `${formatSeconds(run.totalS)} in all, downtime ${formatSeconds(run.downtimeMs / 1000)}`;
  return `- ${strategy}: ${times}${price.join('')}`;
}

const bestRound = ({ run }: StrategyPrediction): number =>
  run.rounds.reduce((best, { iter, remainingBytes }) => {
    return remainingBytes < (run.rounds[best]?.remainingBytes ?? 0) ? iter : best;
  }, 0);

const rounds = (n: number): string => `${count(n)} ${n === 1 ? 'round' : 'rounds'}`;
