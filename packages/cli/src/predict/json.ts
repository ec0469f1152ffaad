// The prediction as JSON, every round and every draw's quantiles included.
import { gaps } from '@faultline/trace';
import type { Prediction } from './prediction.ts';
import { workingSetPoints } from './working-set-points.ts';

/** One line. */
export const asJson = (prediction: Prediction): string => `${JSON.stringify(jsonOf(prediction))}\n`;

function jsonOf({ input, parameters, strategies }: Prediction): object {
  const { name, loads, history, summary, recorded } = input;
  const { pages } = loads;
  return {
    schema: 'faultline/predict',
    version: 1,
    input: {
      name,
      format: recorded?.format ?? 'trace',
      source: history?.source,
      log: history?.log,
      windows: pages.windows,
      watchedS: pages.watchedSeconds,
      memoryBytes: pages.memoryPages * pages.pageSize,
      isMemoryKnown: history?.isMemoryKnown ?? true,
      pageSize: pages.pageSize,
      gaps: summary === undefined ? [] : gaps(summary),
    },
    parameters,
    workingSet: workingSetPoints(pages),
    strategies,
  };
}
