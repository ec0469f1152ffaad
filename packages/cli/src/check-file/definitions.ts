// What the names of a program are bound to, over all files together: the same name in two places is taken for one.
import type { AnyNode, MemberExpression, Node, Program as Tree } from 'acorn';
import { namesOf } from './patterns.ts';
import { isFunction, walk } from './walk.ts';

const SHARED_ARRAYS = new Set(['Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array']);
/** With one of these about, reading a property may run anything, */
const TRICKS = new Set(
  'Proxy Reflect defineProperty defineProperties toPrimitive hasInstance eval Function'.split(' '),
);
/** and so may adding two values, where one of these is defined. */
const CONVERSIONS = new Set(['valueOf', 'toString']);

/** What is known of a name: what it is bound to, wherever it is bound. */
export interface Definitions {
  readonly functions: Map<string, Node[]>;
  /** Names that may stand for something that is not a function seen here. */
  readonly others: Set<string>;
  readonly arrays: Set<string>;
  readonly notArrays: Set<string>;
  readonly accessors: Set<string>;
  /** Reading a property, or adding two values, may run anything. */
  tricks: boolean;
}

export function definitionsOf(trees: readonly Tree[]): Definitions {
  const definitions: Definitions = {
    functions: new Map(),
    others: new Set(),
    arrays: new Set(),
    notArrays: new Set(),
    accessors: new Set(),
    tricks: false,
  };
  for (const tree of trees) walk(tree, (node) => define(definitions, node));
  return definitions;
}

/** `slots[i]` where `slots` is a typed array wherever it is bound. */
export function isElement(
  { arrays, notArrays }: Definitions,
  { object, computed }: MemberExpression,
): boolean {
  const name = object.type === 'MemberExpression' ? keyOf(object.property) : keyOf(object);
  return computed && name !== undefined && arrays.has(name) && !notArrays.has(name);
}

/** The name that a key, a property or a variable goes by, if the source says it. */
export function keyOf(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'PrivateIdentifier') return `#${node.name}`;
  return node.type === 'Literal' ? String(node.value) : undefined;
}

function define(definitions: Definitions, node: AnyNode): void {
  const { functions, others, accessors } = definitions;
  const as = (name: string | undefined, value: Node | null | undefined): void => {
    if (name === undefined) return;
    definitions.tricks ||= CONVERSIONS.has(name);
    if (value !== null && value !== undefined && isFunction(value)) listIn(functions, name, value);
    else others.add(name);
    const isArray = isNewArray(value);
    (isArray ? definitions.arrays : definitions.notArrays).add(name);
  };
  switch (node.type) {
    case 'FunctionDeclaration':
      as(node.id?.name, node);
      break;
    case 'VariableDeclarator':
      if (node.id.type === 'Identifier') as(node.id.name, node.init);
      else for (const name of namesOf(node.id)) as(name, undefined);
      break;
    case 'ClassDeclaration':
      as(node.id?.name, undefined);
      break;
    case 'MethodDefinition':
      if (node.kind === 'method') as(keyOf(node.key), node.value);
      else accessors.add(keyOf(node.key) ?? '');
      break;
    case 'PropertyDefinition':
      if (node.value) as(keyOf(node.key), node.value);
      break;
    case 'Property':
      if (node.kind !== 'init') accessors.add(keyOf(node.key) ?? '');
      // `{ push }` stands for a binding of the same name, which has a definition of its own.
      else if (!node.shorthand) as(keyOf(node.key), node.value);
      break;
    case 'AssignmentExpression':
      if (node.left.type === 'MemberExpression') as(keyOf(node.left.property), node.right);
      else for (const name of namesOf(node.left)) as(name, undefined);
      break;
    case 'Identifier':
      definitions.tricks ||= TRICKS.has(node.name);
      break;
    default:
      break;
  }
  if ('params' in node) for (const name of node.params.flatMap(namesOf)) as(name, undefined);
  if (node.type === 'ImportSpecifier' && node.local.name !== keyOf(node.imported)) {
    as(node.local.name, undefined); // another name for something: looked up under its own name only
  }
  if (node.type === 'ImportDefaultSpecifier') as(node.local.name, undefined);
}

const isNewArray = (node: Node | null | undefined): boolean => {
  const made = node as AnyNode | null | undefined;
  return (
    made?.type === 'NewExpression' &&
    made.callee.type === 'Identifier' &&
    SHARED_ARRAYS.has(made.callee.name)
  );
};

function listIn(lists: Map<string, Node[]>, name: string, node: Node): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [node]);
  else list.push(node);
}
