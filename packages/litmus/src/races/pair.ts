// A race as two litmus tests: with the mistake that KVM once had, and without it.
import type { Program } from '@faultline/checker';
import type { Litmus } from '../litmus.ts';

export interface RacePair<Part> extends Omit<Litmus, 'result' | 'violates' | 'pair' | 'program'> {
  readonly violates: string;
  /** Where the two differ. */
  readonly broken: Part;
  readonly repaired: Part;
  readonly make: (name: string, part: Part) => Program;
}

export function brokenAndRepaired<Part>(told: RacePair<Part>): readonly [Litmus, Litmus] {
  const { name, violates, broken, repaired, make, ...rest } = told;
  const mended = `${name}-repaired`;
  return [
    {
      ...rest,
      name,
      result: 'Sometimes',
      violates,
      pair: mended,
      program: () => make(name, broken),
    },
    {
      ...rest,
      name: mended,
      result: 'Never',
      models: ['sc', 'tso'],
      pair: name,
      program: () => make(mended, repaired),
    },
  ];
}
