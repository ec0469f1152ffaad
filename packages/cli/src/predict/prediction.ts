// All that a page, a ticket or JSON tells of a prediction.
import type { StrategyPrediction } from '@faultline/trace';
import type { PredictInput } from './load.ts';
import type { Resolved } from './parameters.ts';

export interface Prediction extends Resolved {
  readonly input: PredictInput;
  /** The first is the strategy that was asked for; the others are beside it. */
  readonly strategies: readonly StrategyPrediction[];
}
