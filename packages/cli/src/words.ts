// Parsers for options: each says what it expected.
import { InvalidArgumentError } from 'commander';

/** A number within limits. */
export function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a number from ${least} to ${most}.`);
  };
}

/** A whole number within limits. */
export function whole(least: number, most: number): (text: string) => number {
  const parse = number(least, most);
  return (text) => {
    const value = parse(text);
    if (Number.isInteger(value)) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
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
