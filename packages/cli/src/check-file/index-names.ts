// What the code calls the elements of its arrays: `HEAD` in `Atomics.load(state, HEAD)`, `lock(state, HEAD)`, `state[HEAD]`.
import type { AnyNode, Node } from 'acorn';
import { walk } from './walk.ts';

/** An array's name to the constants that index it. */
export type IndexNames = ReadonlyMap<string, ReadonlySet<string>>;

export function indexNames(tree: Node): IndexNames {
  const names = new Map<string, Set<string>>();
  const add = (array: AnyNode | undefined, index: AnyNode | undefined): void => {
    const of = array === undefined ? undefined : lastName(array);
    if (of === undefined || index?.type !== 'Identifier') return;
    const known = names.get(of);
    if (known === undefined) names.set(of, new Set([index.name]));
    else known.add(index.name);
  };
  walk(tree, (node) => {
    if (node.type === 'MemberExpression' && node.computed) add(node.object, node.property);
    if (node.type !== 'CallExpression') return;
    for (const [place, argument] of node.arguments.entries())
      add(argument, node.arguments[place + 1]);
  });
  return names;
}

/** `state` of `state`, of `this.state` and of `ring.state`. */
function lastName(node: AnyNode): string | undefined {
  if (node.type === 'MemberExpression' && !node.computed) return lastName(node.property);
  return node.type === 'Identifier' ? node.name : undefined;
}
