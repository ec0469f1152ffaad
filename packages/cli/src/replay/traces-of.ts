// Words of a command line to the traces that they name: files as they are, and of a folder the traces in it.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../exit.ts';

const TRACE = /\.txt(\.gz|\.zst)?$/;

export const tracesOf = (words: readonly string[]): string[] => words.flatMap(tracesIn);

function tracesIn(word: string): string[] {
  if (!statSync(word, { throwIfNoEntry: false })?.isDirectory()) return [word];
  const names = readdirSync(word).filter((name) => TRACE.test(name));
  if (names.length > 0) return names.sort().map((name) => join(word, name));
  throw new InputError(
    `${word}: expected traces, got a folder without a .txt, .txt.gz or .txt.zst`,
  );
}
