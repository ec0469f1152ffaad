// `--budget 30s --budget 1M-states --budget 2GiB`: what a search may use up, each kind once.
// Operations are those of one thread: a loop that goes on for longer is called unbounded.
import type { Budget } from '@faultline/checker';
import { InvalidArgumentError } from 'commander';

type Kind = keyof Budget;

export interface GivenBudget extends Budget {
  /** Each kind as it was given. */
  readonly words?: Readonly<Partial<Record<Kind, string>>>;
}

/** What a unit counts, and how many of them it is. */
const UNITS: Readonly<Record<string, readonly [Kind, number]>> = {
  ms: ['ms', 1],
  s: ['ms', 1000],
  min: ['ms', 60_000],
  h: ['ms', 3_600_000],
  KiB: ['bytes', 2 ** 10],
  MiB: ['bytes', 2 ** 20],
  GiB: ['bytes', 2 ** 30],
  '-states': ['states', 1],
  'k-states': ['states', 1e3],
  'M-states': ['states', 1e6],
  '-executions': ['executions', 1],
  'k-executions': ['executions', 1e3],
  'M-executions': ['executions', 1e6],
  '-operations': ['operations', 1],
  'k-operations': ['operations', 1e3],
};

const NAMES: Readonly<Record<Kind, string>> = {
  ms: 'time',
  states: 'states',
  executions: 'executions',
  bytes: 'memory',
  operations: 'operations',
};

/** What a search stores if nothing is said. */
const DEFAULT_BYTES = '2GiB of states';

export const EXAMPLES = '30s, 500ms, 2GiB, 1M-states, 1000-executions, 5k-operations';

/** A parser for commander: adds one value to those given before. */
export function budget(text: string, before: GivenBudget): GivenBudget {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z-]+)$/.exec(text) ?? [];
  const [kind, factor] = Object.hasOwn(UNITS, unit) ? (UNITS[unit] ?? []) : [];
  const value = Math.round(Number(digits) * (factor ?? Number.NaN));
  if (kind === undefined || !(value > 0)) {
    throw new InvalidArgumentError(`expected one of ${EXAMPLES}.`);
  }
  if (before[kind] !== undefined) {
    throw new InvalidArgumentError(`expected ${NAMES[kind]} once.`);
  }
  return { ...before, [kind]: value, words: { ...before.words, [kind]: text } };
}

/** The words with which a search says that a budget ended it. */
const ENDED_BY: Readonly<Record<string, Kind>> = {
  ms: 'ms',
  states: 'states',
  executions: 'executions',
  'bytes of states': 'bytes',
};

/** What ended a search, as the user gave it: a search may have had a share of it. */
export function asGiven({ words }: GivenBudget, ended: string): string {
  const [, unit = ''] = /^[\d,]+ (.*)$/.exec(ended) ?? [];
  const kind = Object.hasOwn(ENDED_BY, unit) ? ENDED_BY[unit] : undefined;
  if (kind === undefined) return ended;
  return words?.[kind] ?? (kind === 'bytes' ? DEFAULT_BYTES : ended);
}
