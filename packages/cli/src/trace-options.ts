// Words that every command with a trace knows by the same name.
import { Option } from 'commander';
import { UsageError } from './exit.ts';

export interface TraceOptions {
  readonly input?: string;
  readonly strict?: true;
}

export const inputOption = (): Option =>
  new Option('-i, --input <TRACE>', 'the same, as perf and trace-cmd name it');

export const strictOption = (): Option =>
  new Option('--strict', 'exit with 3 if events were lost or not understood');

/** The traces that were named, one way or the other. Throws a UsageError where both were used. */
export function namedTraces(words: readonly string[], { input }: TraceOptions): readonly string[] {
  if (input === undefined) return words;
  if (words.length === 0) return [input];
  throw new UsageError(`expected a TRACE or --input, got both: ${words[0]}, ${input}`);
}

/** The same of a command that takes one; undefined if there is none. */
export const namedTrace = (word: string | undefined, options: TraceOptions): string | undefined =>
  namedTraces(word === undefined ? [] : [word], options)[0];
