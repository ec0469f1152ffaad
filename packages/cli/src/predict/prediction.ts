// All that a page, a ticket or JSON tells of a prediction.
import type { MigrationParameters, StrategyPrediction } from '@faultline/trace';
import type { PredictInput } from './load.ts';

export interface Prediction {
  readonly input: PredictInput;
  readonly parameters: MigrationParameters;
  /** The first is the strategy that was asked for; the others are beside it. */
  readonly strategies: readonly StrategyPrediction[];
}
