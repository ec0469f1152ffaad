// A source file as the checker runs it: types blanked, `import` and `export` turned into bindings of a function, every line
// where it was. vm.SourceTextModule would be the natural loader, but Node keeps it behind a flag; a module hook runs on a
// thread of its own and loads each file once, while here a file is evaluated anew for every run of a thread (see graph.ts).
import { readFileSync } from 'node:fs';
import { type Context, Script } from 'node:vm';
import { parse, type Program as Tree } from 'acorn';
import { complaint } from './complaint.ts';
import { edited } from './edits.ts';
import type { Effects } from './effects.ts';
import { loopEdits } from './loops.ts';
import { type ModuleShape, moduleShape } from './module-shape.ts';
import { withoutTypes } from './types-blanked.ts';

/** What a file's code sees beside its globals: the names it imports, and the hooks of the rewritten code. */
export type Scope = Record<string, unknown>;

/** Evaluates a file: the first step of the generator announces its bindings, the second runs its lines. */
export type Evaluate = (scope: Scope) => () => Generator<undefined, void>;

export interface Source {
  readonly path: string;
  readonly tree: Tree;
  readonly shape: ModuleShape;
  readonly code: string;
}

/** Called once per evaluation, before any of the file's lines, with getters for its top-level bindings and exports. */
export const ANNOUNCE = '__faultline_announce';

export async function readSource(path: string): Promise<Source> {
  const text = textOf(path);
  const code = /\.m?ts$/.test(path) ? await withoutTypes(path, text) : text;
  const tree = treeOf(path, code);
  return { path, tree, shape: moduleShape(path, tree, code), code };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^#!/, '//');
  } catch (error) {
    throw complaint(path, 'a file that can be read', (error as Error).message);
  }
}

function treeOf(path: string, code: string): Tree {
  try {
    return parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true });
  } catch (error) {
    const { message, loc } = error as SyntaxError & { loc?: { line: number } };
    const said = message.replace(/ \(\d+:\d+\)$/, '');
    throw complaint({ path, line: loc?.line }, 'a JavaScript module', said);
  }
}

/** `with` keeps imports live, and lets the file declare whatever names it likes; inside, its code is strict as a module's. */
export function compile(
  { path, tree, shape, code }: Source,
  effects: Effects,
): (context: Context) => Evaluate {
  const getters = (names: Iterable<readonly [string, string]>) =>
    [...names].map(([name, local]) => `${JSON.stringify(name)}:()=>${local}`).join();
  const bindings = getters(shape.bindings.map((name) => [name, name]));
  const announced = `{${bindings}},{${getters(shape.exports)}}`;
  const head = `(function(__scope){with(__scope){return function*(){"use strict";${ANNOUNCE}(${announced});yield;`;
  const body = edited(code, [...shape.edits, ...loopEdits(tree, effects)]);
  const script = new Script(`${head}${body}\n}}})`, { filename: path, columnOffset: -head.length });
  return (context) => script.runInContext(context);
}
