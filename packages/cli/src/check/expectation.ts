// What is claimed of a litmus, and whether a verdict bears it out.
import type { Verdict } from '@faultline/checker';
import type { Litmus } from '@faultline/litmus';

/**
 * as claimed: it holds, or the known race was found. otherwise: not so, or another race was found. open: the budget ended
 * first. unclaimed: nothing is claimed under that model.
 */
export type Borne = 'as claimed' | 'otherwise' | 'open' | 'unclaimed';

export function bears({ result, violates, models = ['sc'] }: Litmus, verdict: Verdict): Borne {
  if (!models.includes(verdict.model)) return 'unclaimed';
  if (verdict.verdict === 'budget') return 'open';
  if (result === 'Never') return verdict.verdict === 'holds' ? 'as claimed' : 'otherwise';
  const { violation } = verdict;
  if (violation === undefined) return 'otherwise';
  const isIt =
    violates === undefined || violates === violation.property || violates === violation.fault;
  return isIt ? 'as claimed' : 'otherwise';
}

/** One sentence for a reader, or none where the verdict says it all. */
export function claimSentence(litmus: Litmus, verdict: Verdict): string | undefined {
  const { name, result, violates, pair } = litmus;
  const known = violates === undefined ? 'the known race' : `the known race (${violates})`;
  switch (bears(litmus, verdict)) {
    case 'as claimed':
      if (result === 'Never') return undefined;
      return `Expected: it is ${known}${pair === undefined ? '' : `, mended in ${pair}`}; faultline explain ${name} tells its story.`;
    case 'otherwise':
      return result === 'Never'
        ? `Not expected: ${name} is claimed to hold under ${verdict.model}.`
        : `Not expected: ${known} was to be found.`;
    case 'open':
      return undefined;
    case 'unclaimed':
      return `Nothing is claimed of ${name} under ${verdict.model}.`;
  }
}
