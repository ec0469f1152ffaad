// A protocol as litmus tests: as it ships it holds, and each mistake that could be made in it is found.
import type { MemoryModel, Program } from '@faultline/checker';
import type { Litmus } from './litmus.ts';

interface Told {
  readonly title: string;
  /** Why it holds, or what happens. */
  readonly story: string;
  /** Both if absent, of a variant that holds; sc, of one that breaks. */
  readonly models?: readonly MemoryModel[];
}

interface Mistake<Parts> extends Told {
  readonly violates: string;
  readonly fix: string;
  /** What differs from the first of `holds`. */
  readonly parts: Partial<Parts>;
}

export interface Protocol<Parts> {
  readonly source: string;
  /** What has to be done right. */
  readonly rule: string;
  readonly links: readonly string[];
  /** By name; the first is what each mistake is a mistake in. */
  readonly holds: Readonly<Record<string, Told & { readonly parts: Parts }>>;
  readonly breaks: Readonly<Record<string, Mistake<Parts>>>;
  readonly program: (name: string, parts: Parts) => Program;
}

export function litmusesOf<Parts>(protocol: Protocol<Parts>): readonly Litmus[] {
  const { source, rule, links, program } = protocol;
  const [first] = Object.entries(protocol.holds);
  if (first === undefined) throw new Error('expected one variant at least that holds, got none');
  const [shipped, { parts: shippedParts }] = first;
  const holds = Object.entries(protocol.holds).map(([name, { parts, ...told }]): Litmus => {
    return {
      name,
      result: 'Never',
      source,
      links,
      models: ['sc', 'tso'],
      ...told,
      fix: rule,
      program: () => program(name, parts),
    };
  });
  const breaks = Object.entries(protocol.breaks).map(([name, { parts, ...told }]): Litmus => {
    const broken = { ...shippedParts, ...parts };
    return {
      name,
      result: 'Sometimes',
      source,
      links,
      ...told,
      pair: shipped,
      program: () => program(name, broken),
    };
  });
  return [...holds, ...breaks];
}
