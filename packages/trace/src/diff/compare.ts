// Two traces, figure by figure: which got worse, by how much, and whether that is more than was asked about.
import { type Figure, figures } from '../report/figures.ts';
import type { Report } from '../report/report.ts';

export type Verdict = 'worse' | 'better' | 'same' | 'shaky' | 'neutral' | 'only in one';

export interface Comparison {
  readonly key: string;
  readonly label: string;
  readonly unit: Figure['unit'];
  readonly better: Figure['better'];
  /** Undefined where one of them has no such figure. */
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** b / a; infinite where only a is 0, undefined where either is missing or both are 0. */
  readonly ratio: number | undefined;
  /**
   * `worse` and `better` by more than the threshold; `shaky` too, but on too few faults to mean anything; `neutral` where no
   * direction is better.
   */
  readonly verdict: Verdict;
}

export interface CompareOptions {
  /** A change of this share is still the same: 0.1 is 10 %. */
  readonly threshold: number;
  /** Only figures whose keys begin with one of these. */
  readonly keys?: readonly string[] | undefined;
}

/** What text traces can tell apart, and what is no news: below these, a change is none. */
const LEAST: Partial<Record<Figure['unit'], number>> = { ns: 1000, share: 0.001 };

/** In the order of the report; figures of B alone come last. Throws a RangeError where the clocks count different things. */
export function compareReports(
  a: Report,
  b: Report,
  options: CompareOptions,
): readonly Comparison[] {
  if (a.unit !== b.unit) {
    throw new RangeError(`expected two traces with the same clock, got ${a.unit} and ${b.unit}`);
  }
  const before = new Map(figures(a).map((figure) => [figure.key, figure]));
  const after = new Map(figures(b).map((figure) => [figure.key, figure]));
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => options.keys?.some((prefix) => key.startsWith(prefix)) ?? true,
  );
  return keys.map((key) => compare(before.get(key), after.get(key), options.threshold));
}

function compare(
  before: Figure | undefined,
  after: Figure | undefined,
  threshold: number,
): Comparison {
  const { key, label, unit, better } = (after ?? before) as Figure;
  const a = valueIn(before);
  const b = valueIn(after);
  const ratio = a === undefined || b === undefined || (a === 0 && b === 0) ? undefined : b / a;
  const row = { key, label, unit, better, a, b, ratio };
  if (better === undefined) return { ...row, verdict: 'neutral' };
  if (a === undefined || b === undefined) return { ...row, verdict: 'only in one' };
  const change = Math.abs(b - a);
  if (change <= threshold * Math.abs(a) || change < (LEAST[unit] ?? 0)) {
    return { ...row, verdict: 'same' };
  }
  if (before?.isShaky || after?.isShaky) return { ...row, verdict: 'shaky' };
  return { ...row, verdict: b < a === (better === 'lower') ? 'better' : 'worse' };
}

const valueIn = (figure: Figure | undefined): number | undefined =>
  figure === undefined || Number.isNaN(figure.value) ? undefined : figure.value;
