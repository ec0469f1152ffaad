// What a NAME or FILE on the command line is: a litmus of ours, or a program of the user's.
import { statSync } from 'node:fs';
import { extname } from 'node:path';
import type { Program } from '@faultline/checker';
import { LITMUS, type Litmus } from '@faultline/litmus';
import { loadFiles } from '../check-file/load-program.ts';
import { InputError, UsageError } from '../exit.ts';

export interface Subject {
  /** As it was given, and can be given again. */
  readonly word: string;
  readonly program: () => Program;
  readonly litmus?: Litmus;
  /** Paths of what it was read from. */
  readonly files?: readonly string[];
}

const EXTENSIONS = ['.js', '.mjs', '.ts', '.mts'];
const MOST_NAMES = 3;

/** Throws a UsageError for a word that is neither, an InputError for a file that is of no use. */
export async function findSubject(word: string): Promise<Subject> {
  const litmus = LITMUS.find(({ name }) => name === word);
  if (litmus !== undefined) return { word, program: litmus.program, litmus };
  if (!looksLikeFile(word)) throw unknownName(word, 'a litmus or a file');
  const problem = problemOf(word);
  if (problem !== undefined) {
    throw new InputError(`${word}: expected a readable file, got ${problem}`);
  }
  const { program, files } = await loadFiles(word);
  return { word, program: () => program, files };
}

export function findLitmus(word: string): Litmus {
  const litmus = LITMUS.find(({ name }) => name === word);
  if (litmus === undefined) throw unknownName(word, 'a litmus');
  return litmus;
}

const looksLikeFile = (word: string): boolean =>
  EXTENSIONS.includes(extname(word)) ||
  /[/\\]/.test(word) ||
  statSync(word, { throwIfNoEntry: false }) !== undefined;

function problemOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'no such file';
  return stat.isDirectory() ? 'a directory' : undefined;
}

function unknownName(word: string, expected: string): UsageError {
  const close = closest(word);
  const perhaps = close.length === 0 ? '' : `, perhaps ${close.join(' or ')}`;
  return new UsageError(
    `expected ${expected}${perhaps}, got '${word}'; faultline check --list names all`,
  );
}

/** Names that begin with the word or hold it, then those that a few letters make of it. */
function closest(word: string): readonly string[] {
  const far = Math.max(2, Math.floor(word.length / 3));
  return LITMUS.map(({ name }) => ({ name, far: name.includes(word) ? 0 : distance(word, name) }))
    .filter((one) => word !== '' && one.far <= far)
    .sort((a, b) => a.far - b.far)
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** Letters to insert, drop or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
