// `--budget 30s --budget 1M-states --budget 2GiB`: what a search may use up, each kind once.
// Operations are those of one thread: a loop that goes on for longer is called unbounded.
import type { Budget } from '@faultline/checker';
import { InvalidArgumentError } from 'commander';

type Kind = keyof Budget;

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

export const EXAMPLES = '30s, 500ms, 2GiB, 1M-states, 1000-executions, 5k-operations';

/** A parser for commander: adds one value to those given before. */
export function budget(text: string, before: Budget): Budget {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z-]+)$/.exec(text) ?? [];
  const [kind, factor] = Object.hasOwn(UNITS, unit) ? (UNITS[unit] ?? []) : [];
  const value = Math.round(Number(digits) * (factor ?? Number.NaN));
  if (kind === undefined || !(value > 0)) {
    throw new InvalidArgumentError(`expected one of ${EXAMPLES}.`);
  }
  if (before[kind] !== undefined) {
    throw new InvalidArgumentError(`expected ${NAMES[kind]} once.`);
  }
  return { ...before, [kind]: value };
}
