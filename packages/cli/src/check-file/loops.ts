// Gives every loop a hook at its head: what a turn leaves behind is told to the search, so that a thread that spins is a
// state and not an endless history; and a loop that never touches shared memory is found out.
import type { AnyNode, DoWhileStatement, ForStatement, Node, WhileStatement } from 'acorn';
import { type Edit, insert } from './edits.ts';
import { declaredWithin, type Effects } from './effects.ts';
import { declaredBy, namesOf } from './patterns.ts';
import { childrenOf, isFunction, walk } from './walk.ts';

/** Makes a hook when a loop is entered; the hook is called at the head of each turn, with the variables that turns change. */
export const LOOP = '__faultline_loop';
/** The same for a loop of which nothing is known. */
export const COUNT = '__faultline_count';
/** Of an object whose own methods leave it alone: itself if it is a built-in collection, whose methods do not. */
export const COLLECTION = '__faultline_collection';
const HOOK = '__faultline_turn';

type Loop = WhileStatement | DoWhileStatement | ForStatement;

export function loopEdits(tree: Node, effects: Effects): Edit[] {
  const edits: Edit[] = [];
  let loops = 0;
  const visit = (node: AnyNode, path: readonly AnyNode[]): void => {
    const below = [...path, node];
    if (!isLoop(node)) {
      for (const child of childrenOf(node)) visit(child, below);
      return;
    }
    // A label belongs to its loop, and the hook is made before both.
    const outermost = path[labelled(path)] ?? node;
    const number = loops++;
    const hook = `${HOOK}${number}`;
    const live = liveAtHead(node, path, effects);
    const make = live === undefined ? `${COUNT}()` : `${LOOP}(${number})`;
    edits.push(insert(outermost.start, `{const ${hook}=${make};`));
    const [open, close] = headEdits(node, `${hook}(${(live ?? []).join()})`);
    edits.push(open);
    for (const child of childrenOf(node)) visit(child, below);
    edits.push(close, insert(outermost.end, '}'));
  };
  visit(tree as AnyNode, []);
  return edits;
}

const isLoop = (node: AnyNode): node is Loop =>
  node.type === 'WhileStatement' ||
  node.type === 'DoWhileStatement' ||
  node.type === 'ForStatement';

/** Where in the path the labels of its last node begin; past its end if it has none. */
function labelled(path: readonly AnyNode[]): number {
  let first = path.length;
  while (path[first - 1]?.type === 'LabeledStatement') first--;
  return first;
}

/** A call at the head of each turn: in the test where there is one, else where the body begins. */
function headEdits(loop: Loop, call: string): [Edit, Edit] {
  const { body } = loop;
  if (loop.type !== 'DoWhileStatement' && loop.test) {
    return [insert(loop.test.start, `${call}&&(`), insert(loop.test.end, ')')];
  }
  return body.type === 'BlockStatement'
    ? [insert(body.start + 1, `${call};`), insert(body.end, '')]
    : [insert(body.start, `{${call};`), insert(body.end, '}')];
}

/** Variables that a turn hands to the next; undefined if there may be more than variables. */
function liveAtHead(loop: Loop, path: readonly AnyNode[], effects: Effects): string[] | undefined {
  const inner = declaredWithin([loop.body], 'var');
  const turn = childrenOf(loop).filter(
    (child) => !(loop.type === 'ForStatement' && child === loop.init),
  );
  const { assigns, receivers, unknown } = effects.of(turn, inner);
  // One name for two variables, one of them older than the turn: which one is assigned is not looked into.
  const isShadowed = [...inner].some(
    (name) => assignedIn(turn, name, effects) && outerNames(loop, path).has(name),
  );
  if (unknown || isShadowed) return undefined;
  return [...[...assigns].sort(), ...[...receivers].sort().map((name) => `${COLLECTION}(${name})`)];
}

function assignedIn(turn: readonly Node[], name: string, effects: Effects): boolean {
  const { assigns, receivers } = effects.of(turn, new Set());
  return assigns.has(name) || receivers.has(name);
}

/** Names that the head of a loop sees. */
function outerNames(loop: Loop, path: readonly AnyNode[]): Set<string> {
  return new Set([...path, { ...loop, body: undefined } as unknown as AnyNode].flatMap(scopeOf));
}

/** Names that a node declares for what lies in it. */
function scopeOf(node: AnyNode): string[] {
  switch (node.type) {
    case 'Program':
    case 'BlockStatement':
    case 'StaticBlock':
      return node.body.flatMap(declaredBy);
    case 'SwitchCase':
      return node.consequent.flatMap(declaredBy);
    case 'ForStatement':
      return node.init ? declaredBy(node.init) : [];
    case 'ForInStatement':
    case 'ForOfStatement':
      return declaredBy(node.left);
    case 'CatchClause':
      return node.param ? namesOf(node.param) : [];
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return [...node.params.flatMap(namesOf), ...varsOf(node)];
    default:
      return [];
  }
}

/** Names that `var` declares anywhere in a function. */
function varsOf(definition: AnyNode): string[] {
  const names: string[] = [];
  walk(definition, (node) => {
    if (node.type === 'VariableDeclaration' && node.kind === 'var') names.push(...declaredBy(node));
    return node === definition || !isFunction(node);
  });
  return names;
}
