// What a file imports, exports and binds at its top level, and the edits that make a function body of it.
import type {
  AnyNode,
  ExportAllDeclaration,
  ExportDefaultDeclaration,
  ExportNamedDeclaration,
  Identifier,
  ImportDeclaration,
  Literal,
  Program as Tree,
} from 'acorn';
import { complaint } from './complaint.ts';
import { blank, type Edit } from './edits.ts';
import { declaredBy } from './patterns.ts';
import { isFunction, walk } from './walk.ts';

/** All exports of a file as one object, in `Import.name` and `Reexport.name`. */
export const NAMESPACE = '*';
export const IMPORT_META = 'import_meta';
const DEFAULT = '__faultline_default';

export interface Import {
  readonly local: string;
  readonly from: string;
  readonly name: string;
  readonly line: number;
}

export interface Reexport {
  readonly as: string;
  readonly from: string;
  readonly name: string;
  readonly line: number;
}

export interface ModuleShape {
  /** What it asks for, in order; a file may be asked for twice. */
  readonly requests: readonly { readonly from: string; readonly line: number }[];
  readonly imports: readonly Import[];
  readonly reexports: readonly Reexport[];
  /** `export * from`. */
  readonly stars: readonly string[];
  /** Exported name to the binding it stands for. */
  readonly exports: ReadonlyMap<string, string>;
  /** Names bound at the top level. */
  readonly bindings: readonly string[];
  readonly edits: readonly Edit[];
}

interface Growing {
  requests: { from: string; line: number }[];
  imports: Import[];
  reexports: Reexport[];
  stars: string[];
  exports: Map<string, string>;
  bindings: string[];
  edits: Edit[];
}

export function moduleShape(path: string, tree: Tree, code: string): ModuleShape {
  const shape: Growing = {
    requests: [],
    imports: [],
    reexports: [],
    stars: [],
    exports: new Map(),
    bindings: [],
    edits: [],
  };
  for (const statement of tree.body) {
    shape.bindings.push(...declaredBy(statement));
    if (statement.type === 'ImportDeclaration') addImport(shape, statement);
    if (statement.type === 'ExportAllDeclaration') addStar(shape, statement);
    if (statement.type === 'ExportNamedDeclaration') addNamed(shape, statement);
    if (statement.type === 'ExportDefaultDeclaration') addDefault(shape, statement, code);
  }
  addExpressions(path, shape, tree);
  return shape;
}

const lineOf = (node: AnyNode): number => node.loc?.start.line ?? 0;

const nameOf = (node: Identifier | Literal): string =>
  node.type === 'Identifier' ? node.name : String(node.value);

function addImport(shape: Growing, statement: ImportDeclaration): void {
  const from = String(statement.source.value);
  const line = lineOf(statement);
  shape.requests.push({ from, line });
  shape.edits.push(blank(statement.start, statement.end));
  for (const specifier of statement.specifiers) {
    const local = specifier.local.name;
    if (specifier.type === 'ImportSpecifier') {
      shape.imports.push({ local, from, name: nameOf(specifier.imported), line });
    } else {
      const name = specifier.type === 'ImportDefaultSpecifier' ? 'default' : NAMESPACE;
      shape.imports.push({ local, from, name, line });
    }
  }
}

function addStar(shape: Growing, statement: ExportAllDeclaration): void {
  const from = String(statement.source.value);
  const line = lineOf(statement);
  shape.requests.push({ from, line });
  shape.edits.push(blank(statement.start, statement.end));
  if (statement.exported === null || statement.exported === undefined) shape.stars.push(from);
  else shape.reexports.push({ as: nameOf(statement.exported), from, name: NAMESPACE, line });
}

function addNamed(shape: Growing, statement: ExportNamedDeclaration): void {
  const { declaration, source, specifiers, start, end } = statement;
  if (declaration !== null && declaration !== undefined) {
    const names = declaredBy(declaration);
    for (const name of names) shape.exports.set(name, name);
    shape.edits.push(blank(start, declaration.start));
    return;
  }
  shape.edits.push(blank(start, end));
  const line = lineOf(statement);
  if (source !== null && source !== undefined) {
    const from = String(source.value);
    shape.requests.push({ from, line });
    for (const { exported, local } of specifiers) {
      shape.reexports.push({ as: nameOf(exported), from, name: nameOf(local), line });
    }
    return;
  }
  for (const { exported, local } of specifiers) shape.exports.set(nameOf(exported), nameOf(local));
}

function addDefault(shape: Growing, statement: ExportDefaultDeclaration, code: string): void {
  const { declaration, start } = statement;
  const named = declaredBy(declaration);
  shape.bindings.push(...named);
  shape.exports.set('default', named[0] ?? DEFAULT);
  if (named.length > 0) {
    shape.edits.push(blank(start, declaration.start));
    return;
  }
  // `export default (1)`: the parenthesis lies before the expression.
  const end = start + (/^export\s+default\b/.exec(code.slice(start))?.[0].length ?? 0);
  shape.edits.push({ start, end, text: `const ${DEFAULT}=` });
  if (isFunction(declaration) || declaration.type === 'ClassDeclaration') {
    shape.edits.push({ start: declaration.end, end: declaration.end, text: ';' });
  }
}

function addExpressions(path: string, shape: Growing, tree: Tree): void {
  const refuse = (node: { loc?: AnyNode['loc'] }, expected: string, got: string) =>
    complaint({ path, line: node.loc?.start.line }, expected, got);
  walk(tree, (node) => {
    if (node.type === 'ImportExpression') {
      throw refuse(node, 'import declarations', 'import(), which answers later');
    }
    if (node.type === 'MetaProperty' && node.meta.name === 'import') {
      shape.edits.push({ start: node.start, end: node.end, text: IMPORT_META });
    }
  });
  walk(tree, (node) => {
    if (isFunction(node)) return false;
    const awaits =
      node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await);
    if (awaits)
      throw refuse(node, 'a file that is ready when it has run', 'await at its top level');
    return undefined;
  });
}
