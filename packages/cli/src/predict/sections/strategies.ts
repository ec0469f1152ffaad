// The ways to get the guest across, side by side, and what follows.
import type { Interval, StrategyPrediction } from '@faultline/trace';
import { formatBandwidth, formatSeconds, formatSize } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import { count } from '../../table.ts';
import { advice } from '../advice.ts';
import type { Prediction } from '../prediction.ts';

export const strategies = ({ strategies: all, parameters }: Prediction): Section => ({
  title: 'Strategies: the middle one of the draws',
  table: {
    head: ['converges', 'rounds', 'total', '5 to 95 %', 'downtime', 'sent', 'faults', 'needs'],
    rows: all.map((one) => ({
      name: one.strategy,
      cells: one.run.converges ? convergingCells(one) : otherCells(one),
    })),
  },
  soWhat: advice(all, parameters),
});

function convergingCells(prediction: StrategyPrediction): string[] {
  const { run, totalS, convergesShare } = prediction;
  return [
    `yes${share(convergesShare, true)}`,
    count(run.rounds.length),
    formatSeconds(run.totalS),
    between(totalS),
    formatSeconds(run.downtimeMs / 1000),
    formatSize(run.sentBytes),
    count(run.faults),
    needs(prediction),
  ];
}

/** How long it would go on, and send, says nothing. */
function otherCells(prediction: StrategyPrediction): string[] {
  const { run, convergesShare } = prediction;
  const least = `>= ${formatSeconds(run.downtimeMs / 1000)}`;
  return [`no${share(convergesShare, false)}`, '', '', '', least, '', '', needs(prediction)];
}

function needs({ strategy, breakEvenBandwidth }: StrategyPrediction): string {
  if (strategy === 'postcopy') return 'any';
  return breakEvenBandwidth === undefined ? '-' : formatBandwidth(breakEvenBandwidth);
}

/** Said where the draws do not agree. */
function share(convergesShare: number, converges: boolean): string {
  if (convergesShare === (converges ? 1 : 0)) return '';
  return ` (${Math.round(convergesShare * 100)} %)`;
}

function between({ p5, p95 }: Interval): string {
  const [from, to] = [formatSeconds(p5), formatSeconds(p95)];
  return from === to ? from : `${from}-${to}`;
}
