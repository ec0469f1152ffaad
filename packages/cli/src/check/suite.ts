// Many checks: what was asked for, and what came of each.
import type { MemoryModel, Verdict } from '@faultline/checker';
import type { Litmus } from '@faultline/litmus';
import type { Checked } from '../check-pool.ts';
import type { Borne } from './expectation.ts';
import type { Format, Settings } from './settings.ts';

export interface Suite {
  readonly which: Litmus['result'];
  /** Absent: every model in which something is claimed. */
  readonly model?: MemoryModel | undefined;
  readonly settings: Omit<Settings, 'model'>;
  readonly workers: number;
  readonly format: Format;
}

/** A litmus under one model. */
export interface Told {
  readonly litmus: Litmus;
  readonly model: MemoryModel;
  /** How a reader tells it from the others. */
  readonly label: string;
}

export interface Line extends Told {
  readonly checked: Checked;
  readonly borne: Borne | 'failed';
}

/** Of all searches that were needed. */
export function totals({ checked }: Line): { readonly states: number; readonly ms: number } {
  if ('error' in checked) return { states: 0, ms: 0 };
  const all = [checked.verdict, ...checked.tried];
  const sum = (of: (verdict: Verdict) => number): number => all.reduce((s, v) => s + of(v), 0);
  return { states: sum(({ states }) => states), ms: sum(({ ms }) => ms) };
}

/** In a word or two. */
export function sayVerdict({ litmus, checked, borne }: Line): string {
  if ('error' in checked) return 'FAILED';
  const { verdict, violation } = checked.verdict;
  if (verdict === 'budget') return 'budget ended';
  if (litmus.result === 'Never') {
    return violation === undefined ? 'holds' : `VIOLATED: ${violation.fault}`;
  }
  if (violation === undefined) return 'NOT FOUND';
  return borne === 'as claimed' ? 'found' : `ANOTHER: ${violation.fault}`;
}
