// Steps through a syntax tree.
import type { AnyNode, Node } from 'acorn';

/** Nodes directly below, in the order of the source. */
export function childrenOf(node: Node): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (isNode(value)) children.push(value);
    else if (Array.isArray(value)) children.push(...value.filter(isNode));
  }
  return children;
}

/** Every node from `node` down. `visit` answers false to leave out what lies below. */
export function walk(node: Node, visit: (node: AnyNode) => unknown): void {
  if (visit(node as AnyNode) === false) return;
  for (const child of childrenOf(node)) walk(child, visit);
}

export const isFunction = (node: Node): boolean =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
