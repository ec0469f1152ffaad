// Checks inside a test runner: two matchers for those that have `expect.extend`, and an assertion for those that have not.
import { check } from './check.ts';
import { drawText } from './draw/draw-text.ts';
import { formatVerdict } from './draw/verdict-text.ts';
import type { CheckOptions } from './options.ts';
import type { Program } from './program.ts';
import type { Verdict } from './verdict.ts';

/** What a matcher answers, in vitest and in jest. */
export interface Matched {
  readonly pass: boolean;
  readonly message: () => string;
}

export interface CheckerMatchers {
  /** A search that did not end is no pass. */
  readonly toHold: (program: Program, options?: CheckOptions) => Matched;
  /** `of` is a property's name or a kind of fault, as 'deadlock'; any violation will do without it. */
  readonly toBeViolated: (program: Program, of?: string, options?: CheckOptions) => Matched;
}

/** `expect.extend(checkerMatchers)` */
export const checkerMatchers: CheckerMatchers = {
  toHold(program, options) {
    const verdict = check(program, options);
    return { pass: verdict.verdict === 'holds', message: () => explained(verdict) };
  },
  toBeViolated(program, of, options) {
    const verdict = check(program, options);
    return {
      pass: verdict.verdict === 'violated' && isOf(verdict, of),
      message: () => `expected ${program.name} ${asked(of)}, got\n${explained(verdict)}`,
    };
  },
};

/** A check that did not hold. Test runners print its message, which is the drawing. */
export class CheckError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(explained(verdict));
    this.verdict = verdict;
  }
}

/** The verdict, which holds; else throws a CheckError. A search that did not end is no pass. */
export function assertHolds(program: Program, options?: CheckOptions): Verdict {
  const verdict = check(program, options);
  if (verdict.verdict !== 'holds') throw new CheckError(verdict);
  return verdict;
}

const isOf = ({ violation }: Verdict, of: string | undefined): boolean =>
  of === undefined || violation?.property === of || violation?.fault === of;

const asked = (of: string | undefined): string =>
  of === undefined ? 'to be violated' : `to be violated: ${of}`;

/** What was found, drawn where one execution shows it. */
function explained(verdict: Verdict): string {
  const { violation } = verdict;
  const text = formatVerdict(verdict);
  return violation?.execution === undefined ? text : `${text}\n\n${drawText(violation)}`;
}
