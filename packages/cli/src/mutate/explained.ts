// Why some mutants of the shipped code live: docs/mutations.md shows this list, a test holds the two against each other, and
// `faultline check --mutate` fails when a mutant lives that is not in it.

/**
 * redundant: the code does the same without it. no scenario: it matters where no litmus goes. no property: it changes what
 * happens, and nothing says that this is wrong.
 */
export type Why = 'redundant' | 'no scenario' | 'no property';

export interface Explanation {
  readonly why: Why;
  readonly because: string;
  /** By name, without the line. */
  readonly mutants: readonly string[];
}

export const EXPLAINED: readonly Explanation[] = [];

export const explanationOf = (id: string): Explanation | undefined =>
  EXPLAINED.find(({ mutants }) => mutants.includes(id));
