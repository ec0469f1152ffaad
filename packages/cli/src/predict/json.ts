// The prediction as JSON, every round and every draw's quantiles included.
import { gaps } from '@faultline/trace';
import type { Prediction } from './prediction.ts';
import { meanOutlook, sizesAround } from './ring-sizes.ts';
import { workingSetPoints } from './working-set-points.ts';

/** One line. */
export const asJson = (prediction: Prediction): string => `${JSON.stringify(jsonOf(prediction))}\n`;

function jsonOf({ input, parameters, costSource, strategies }: Prediction): object {
  const { name, loads, history, summary, recorded } = input;
  const { pages } = loads;
  return {
    schema: 'faultline/predict',
    version: 2,
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
    roundCostFrom: costSource,
    harvests: (history?.harvests ?? recorded?.harvests ?? []).length,
    workingSet: workingSetPoints(pages),
    strategies,
    rings: sizesAround(parameters.ring.size).map((size) => meanOutlook(pages, parameters, size)),
  };
}
