// What an import stands for: a file, or one of the modules of Node that do no harm.
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { complaint } from './complaint.ts';
import type { Scope } from './source.ts';

/** Modules of Node that neither share nor wait, and answer the same each time. */
const BUILT_IN = new Set(['assert', 'assert/strict', 'util']);
/** What `./ring` or `./ring.js` may stand for. */
const ENDINGS = ['.ts', '.mts', '.js', '.mjs'];

export function builtIn(from: string): Scope | undefined {
  const name = from.replace(/^node:/, '');
  if (!BUILT_IN.has(name)) return undefined;
  const module = process.getBuiltinModule(name) as unknown as Scope;
  return Object.assign(Object.create(null) as Scope, module, { default: module });
}

export function resolved(from: string, file: string, line: number): string {
  if (from.startsWith('.') || from.startsWith('/')) {
    const path = resolve(dirname(file), from);
    const stem = path.replace(/\.m?js$/, '');
    const candidates = [
      path,
      ...ENDINGS.map((ending) => stem + ending),
      ...ENDINGS.map((ending) => path + ending),
    ];
    const found = candidates.find(isFile);
    if (found !== undefined) return found;
    throw complaint({ path: file, line }, 'a file to import', from);
  }
  if (!from.startsWith('node:')) {
    try {
      const path = createRequire(file).resolve(from);
      if (isFile(path)) return path;
    } catch {
      throw complaint({ path: file, line }, 'a package that is installed', from);
    }
  }
  throw complaint(
    { path: file, line },
    `a file, a package, or one of ${[...BUILT_IN].map((name) => `node:${name}`).join(', ')}`,
    from,
    'the code that starts the workers: put what they share into a file of its own',
  );
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
