// The prediction as one page.
import type { Section } from '../report/section.ts';
import type { Prediction } from './prediction.ts';
import { input } from './sections/input.ts';
import { rings } from './sections/rings.ts';
import { rounds } from './sections/rounds.ts';
import { strategies } from './sections/strategies.ts';
import { workingSet } from './sections/working-set.ts';

export const page = (prediction: Prediction): readonly Section[] =>
  [
    input(prediction),
    workingSet(prediction),
    strategies(prediction),
    rounds(prediction),
    rings(prediction),
  ].filter((section) => section !== undefined);
