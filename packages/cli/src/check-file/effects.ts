// Which functions leave their thread's private state alone. A turn of a loop that does nothing else can be forgotten once
// it is over: that is how a spin becomes a state instead of an endless history. Decided by name over all files together,
// and always to the safe side: a function is clean only if every function of its name is.
import type { AnyNode, CallExpression, Node, Pattern, Program as Tree } from 'acorn';
import { type Definitions, definitionsOf, isElement, keyOf } from './definitions.ts';
import { declaredBy, namesOf } from './patterns.ts';
import { walk } from './walk.ts';

/** What one stretch of code does to private state. */
export interface Effect {
  /** Nothing is kept but in these variables, `this` among them, and in the objects that they hold. */
  readonly assigns: ReadonlySet<string>;
  /** Nor but in these, if what they hold is a built-in collection. */
  readonly receivers: ReadonlySet<string>;
  /** Something else may be. */
  readonly unknown: boolean;
}

export interface Effects {
  /** Of a stretch of code; `inner` are names that are declared anew whenever it runs. */
  readonly of: (nodes: readonly Node[], inner: ReadonlySet<string>) => Effect;
}

const PURE_OBJECTS = new Set(['Atomics', 'Math', 'Number', 'BigInt']);
const PURE_FUNCTIONS = new Set(['Number', 'BigInt', 'String', 'Boolean', 'isNaN', 'isFinite']);
const ERRORS = new Set(['Error', 'TypeError', 'RangeError', 'EvalError', 'AggregateError']);
/** Built-in methods that change their object and call nobody. */
const MUTATORS = new Set(
  'push pop shift unshift splice reverse fill copyWithin set add delete clear'.split(' '),
);
/** Built-in methods that may do anything, or whose object is older than it looks. */
const OPAQUE_METHODS = new Set(
  'next return throw exec test call apply bind assign sort forEach map filter reduce replace from'.split(
    ' ',
  ),
);
export function effectsOf(trees: readonly Tree[]): Effects {
  const definitions = definitionsOf(trees);
  const topLevel = trees.flatMap(({ body }) => body.flatMap(declaredBy));
  const judged = new Map<Node, boolean>();
  // Functions that call each other: those being looked at are taken for clean, and what follows of that holds if they are.
  const open = new Set<Node>();
  const supposed = new Set<Node>();

  const isClean = (definition: Node): boolean => {
    const known = judged.get(definition);
    if (known !== undefined) return known;
    if (open.has(definition) || supposed.has(definition)) return true;
    open.add(definition);
    const inner = declaredWithin([definition]);
    for (const name of topLevel) inner.delete(name); // which of the two is meant is not looked into
    const { unknown, assigns, receivers } = of([definition], inner);
    const result = !unknown && assigns.size === 0 && receivers.size === 0;
    open.delete(definition);
    if (result) supposed.add(definition);
    else {
      judged.set(definition, false);
      supposed.clear();
    }
    if (open.size === 0) {
      for (const one of supposed) judged.set(one, true);
      supposed.clear();
    }
    return result;
  };

  const of: Effects['of'] = (nodes, inner) => {
    const assigns = new Set<string>();
    const receivers = new Set<string>();
    let unknown = definitions.tricks;
    const changed = (object: AnyNode, among: Set<string>): void => {
      const root = rootOf(object);
      if (root === undefined || inner.has(root)) unknown = true;
      else among.add(root);
    };
    for (const node of nodes) {
      walk(node, (below) => {
        for (const target of targetsOf(below)) {
          if (target.type === 'MemberExpression') {
            if (!isElement(definitions, target)) changed(target.object, assigns);
          } else if (target.type === 'Identifier') {
            if (!inner.has(target.name)) assigns.add(target.name);
          } else unknown = true;
        }
        if (below.type === 'CallExpression') {
          const call = callOf(definitions, below, isClean);
          if (call === 'opaque') unknown = true;
          else if (call !== 'clean') changed(call.receiver, call.known ? receivers : assigns);
        } else unknown ||= isOpaque(definitions, below);
      });
    }
    // A function inside has a `this` of its own.
    const hasFunctions = nodes.some((node) => declaresThis(node));
    return { assigns, receivers, unknown: unknown || (assigns.has('this') && hasFunctions) };
  };
  return { of };
}

/** Names that a stretch of code declares, `var` of a loop's body aside: see loops.ts. */
export function declaredWithin(nodes: readonly Node[], except?: 'var'): Set<string> {
  const names = new Set<string>();
  for (const node of nodes) {
    walk(node, (below) => {
      const isVar = below.type === 'VariableDeclaration' && below.kind === 'var';
      if (!(isVar && except === 'var')) for (const name of declaredBy(below)) names.add(name);
      if ('params' in below) for (const name of below.params.flatMap(namesOf)) names.add(name);
      if (below.type === 'CatchClause' && below.param)
        for (const name of namesOf(below.param)) names.add(name);
    });
  }
  return names;
}

function targetsOf(node: AnyNode): Pattern[] {
  if (node.type === 'AssignmentExpression') return [node.left];
  if (node.type === 'UpdateExpression') return [node.argument as Pattern];
  if (node.type === 'VariableDeclaration' && node.kind === 'var')
    return node.declarations.map(({ id }) => id);
  if (
    (node.type === 'ForOfStatement' || node.type === 'ForInStatement') &&
    node.left.type !== 'VariableDeclaration'
  ) {
    return [node.left];
  }
  return [];
}

function isOpaque({ accessors }: Definitions, node: AnyNode): boolean {
  switch (node.type) {
    case 'MemberExpression':
      return accessors.has(keyOf(node.property) ?? '');
    case 'NewExpression':
      return node.callee.type !== 'Identifier' || !ERRORS.has(node.callee.name);
    case 'UnaryExpression':
      return node.operator === 'delete';
    case 'YieldExpression':
    case 'AwaitExpression':
    case 'TaggedTemplateExpression':
    case 'ForOfStatement': // its iterator may be older than the loop, as are those of the next two
    case 'SpreadElement':
    case 'ArrayPattern':
    case 'ClassDeclaration':
    case 'ClassExpression':
      return true;
    default:
      return false;
  }
}

/** What a call does to private state; `known`: the method is the user's, unless its object is a built-in collection. */
type Call = 'clean' | 'opaque' | { readonly receiver: AnyNode; readonly known: boolean };

function callOf(
  { functions, others }: Definitions,
  { callee }: CallExpression,
  isClean: (definition: Node) => boolean,
): Call {
  const judged = (isFine: boolean): Call => (isFine ? 'clean' : 'opaque');
  if (callee.type === 'Identifier') {
    const { name } = callee;
    if (others.has(name)) return 'opaque';
    return judged(PURE_FUNCTIONS.has(name) || allClean(functions.get(name), isClean));
  }
  if (callee.type !== 'MemberExpression' || callee.computed) return 'opaque';
  const { object } = callee;
  if (object.type === 'Identifier' && PURE_OBJECTS.has(object.name)) {
    return judged(!others.has(object.name));
  }
  const name = keyOf(callee.property) ?? '';
  const known = functions.get(name);
  if (others.has(name) || OPAQUE_METHODS.has(name)) return 'opaque';
  if (!MUTATORS.has(name)) return judged(allClean(known, isClean));
  if (known !== undefined && !known.every(isClean)) return 'opaque';
  return { receiver: object, known: known !== undefined };
}

const allClean = (
  definitions: readonly Node[] | undefined,
  isClean: (definition: Node) => boolean,
): boolean => definitions?.every(isClean) === true;

/** The variable, or `this`, by way of which code reaches an object. */
function rootOf(node: AnyNode): string | undefined {
  if (node.type === 'MemberExpression') return rootOf(node.object);
  if (node.type === 'ThisExpression') return 'this';
  return node.type === 'Identifier' ? node.name : undefined;
}

function declaresThis(node: Node): boolean {
  let found = false;
  walk(node, ({ type }) => {
    found ||= type === 'FunctionExpression' || type === 'FunctionDeclaration';
  });
  return found;
}
