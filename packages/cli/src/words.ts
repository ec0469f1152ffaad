// Parsers for options: each says what it expected; what it got is added by whoever prints it.
import { InvalidArgumentError } from 'commander';

/** A number within limits. */
export const number = (least: number, most: number): ((text: string) => number) =>
  parser(`a number from ${least} to ${most}`, (value) => value >= least && value <= most);

/** A whole number within limits. */
export const whole = (least: number, most: number): ((text: string) => number) =>
  parser(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && value >= least && value <= most,
  );

/** A power of two within limits. */
export const powerOfTwo = (least: number, most: number): ((text: string) => number) =>
  parser(
    `a power of two from ${least} to ${most}`,
    (value) => Number.isInteger(Math.log2(value)) && value >= least && value <= most,
  );

function parser(expected: string, fits: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (fits(value)) return value;
    throw new InvalidArgumentError(`expected ${expected}.`);
  };
}

/** One of a list. */
export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const name = names.find((candidate) => candidate === text);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`expected one of ${names.join(', ')}.`);
  };
}

/** A comma-separated list of some of them. */
export function someOf<Name extends string>(names: readonly Name[]): (text: string) => Name[] {
  return (text) => text.split(',').map(oneOf(names));
}
