// What is wrong with the user's file, and where in it.
import { InputError } from '../exit.ts';

/** A line of the user's file, or the file. */
export interface Place {
  readonly path: string;
  readonly line?: number | undefined;
}

/** Input that the checker cannot use: where, what it expected, what it got, and why that is usual. */
export function complaint(
  place: Place | string,
  expected: string,
  got: string,
  cause?: string,
): InputError {
  const where = typeof place === 'string' ? place : formatPlace(place);
  const tail = cause === undefined ? '' : `; usual cause: ${cause}`;
  return new InputError(`${where}: expected ${expected}, got ${got}${tail}`);
}

export const formatPlace = ({ path, line }: Place): string =>
  line === undefined ? path : `${path}:${line}`;
