// How much the guest writes within which time.
import { formatSize } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import type { Prediction } from '../prediction.ts';
import { type WorkingSetPoint, workingSetPoints } from '../working-set-points.ts';

export function workingSet({ input }: Prediction): Section {
  const points = workingSetPoints(input.loads.pages);
  const mark = ({ isExtrapolated }: WorkingSetPoint): string => (isExtrapolated ? '*' : '');
  return {
    title: `Working set: different pages written within a time${notes(points)}`,
    table: {
      head: points.map(({ seconds }) => formatLength(seconds)),
      rows: [
        { name: 'written', cells: points.map((point) => formatSize(point.bytes) + mark(point)) },
      ],
    },
  };
}

const notes = (points: readonly WorkingSetPoint[]): string =>
  points.some(({ isExtrapolated }) => isExtrapolated)
    ? '; * longer, or shorter, than was recorded'
    : '';

const formatLength = (seconds: number): string =>
  seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;
