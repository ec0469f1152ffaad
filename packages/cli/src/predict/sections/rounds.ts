// The rounds of the first strategy, and after which of them least remains.
import type { MigrationRound, StrategyPrediction } from '@faultline/trace';
import { formatSeconds, formatSize } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import { plural } from '../../report/units.ts';
import type { Row } from '../../table.ts';
import type { Prediction } from '../prediction.ts';

/** Rounds that are listed from the begin, and from the end. */
const FIRST_ROUNDS = 8;
const LAST_ROUNDS = 3;
const MOST_MINIMA = 3;

export function rounds({ strategies: [first] }: Prediction): Section | undefined {
  if (first === undefined) return undefined;
  const { rounds: all } = first.run;
  const isLong = all.length > FIRST_ROUNDS + LAST_ROUNDS + 1;
  const gap: Row = { name: '...', cells: [] };
  return {
    title: `${plural(all.length, 'round')} of ${first.strategy}${best(first)}`,
    table: {
      head: ['sent', 'transfer', 'overhead', 'elapsed', 'remaining', 'est_downtime', 'throttle'],
      rows: isLong
        ? [
            ...all.slice(0, FIRST_ROUNDS).map(roundRow),
            gap,
            ...all.slice(-LAST_ROUNDS).map(roundRow),
          ]
        : all.map(roundRow),
    },
  };
}

const roundRow = (round: MigrationRound): Row => ({
  name: `iter ${round.iter}`,
  cells: [
    formatSize(round.bytes),
    formatSeconds(round.transferS),
    formatSeconds(round.overheadS),
    formatSeconds(round.elapsedS),
    formatSize(round.remainingBytes),
    formatSeconds(round.estDowntimeMs / 1000),
    `${round.throttlePercent} %`,
  ],
});

/** Local minima that beat all rounds before: others are not worth waiting for. */
function best({ run: { rounds: all }, localMinima }: StrategyPrediction): string {
  let least = Number.POSITIVE_INFINITY;
  const better = localMinima.filter((iter) => {
    const remaining = all[iter]?.remainingBytes ?? 0;
    const isLess = remaining < least;
    least = Math.min(least, remaining);
    return isLess;
  });
  if (better.length === 0 || all.length === 1) return '';
  const listed = better.slice(0, MOST_MINIMA).map((iter) => {
    return `${iter} (${formatSize(all[iter]?.remainingBytes ?? 0)} left)`;
  });
  return `; best to switch over after iter ${listed.join(', ')}`;
}
