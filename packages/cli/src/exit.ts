// Exit codes that scripts may rely on, and which error means which.
import { inspect } from 'node:util';
import type { FailureReason, MigrationError } from '@faultline/machine';

export const EXIT_OK = 0;
/** Something was found: a word lost, a right that nobody gave, a property violated. */
export const EXIT_FINDING = 1;
export const EXIT_USAGE = 2;
/** Input that cannot be read, holds nothing, or is damaged or cut: then its sound part has been reported. */
export const EXIT_INPUT = 3;
/** A search ended with its budget and had found nothing: that is no pass. */
export const EXIT_BUDGET = 4;

/** Ended by Ctrl-C, as a shell says it. */
export const EXIT_INTERRUPTED = 130;

/** Whoever read the output has gone, as `head` does; as a shell says it. */
export const EXIT_PIPE = 141;

/** Bad words on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Input that was read and is of no use. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

// By their names: to have their classes, every start would load every room.
const OF_INPUT = ['TraceError', 'InputError'];
const OF_USAGE = ['UsageError', 'ScheduleError'];

const isMigrationError = (error: unknown): error is MigrationError =>
  error instanceof Error && error.name === 'MigrationError';

const OF_MIGRATION: Readonly<Record<FailureReason, number>> = {
  damaged: EXIT_INPUT,
  version: EXIT_INPUT,
  refused: EXIT_INPUT,
  closed: EXIT_INPUT,
  stalled: EXIT_INPUT,
  lost: EXIT_INPUT,
  diverging: EXIT_FINDING,
  cancelled: EXIT_INTERRUPTED,
};

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Error)) return EXIT_FINDING;
  if (isMigrationError(error)) return OF_MIGRATION[error.reason];
  if (OF_INPUT.includes(error.name)) return EXIT_INPUT;
  if (OF_USAGE.includes(error.name) || error instanceof RangeError) return EXIT_USAGE;
  return EXIT_FINDING; // a broken invariant
}

/** One line for what the user can mend; everything there is for what only we can. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isMigrationError(error)) return `migration ${error.reason}: ${error.message}`;
  return exitCodeOf(error) === EXIT_FINDING ? inspect(error) : error.message;
}
