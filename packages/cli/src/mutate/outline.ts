// A built file of ours as its reader needs it here: which functions ask what, and do what to shared words, by the lines of the
// source that it was built from. In: the text of the file and of its source map. Out: its conditions and its calls.
import { SourceMap, type SourceMapPayload } from 'node:module';
import {
  type AnyNode,
  type Expression,
  type LogicalExpression,
  parse,
  parseExpressionAt,
} from 'acorn';

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where something stands: in the source, and in the built text. */
interface Place extends Range {
  /** The innermost that has a name. */
  readonly function: string;
  readonly line: number;
}

/** A condition, or one side of an `||` or `&&`, as the source has it; `not`: what it is when it is left out. */
export interface Condition extends Place {
  readonly kind: 'unguard' | 'drop';
  readonly text: string;
  readonly not: 'true' | 'false';
  /** Of a guard: what it guards, in the built text. */
  readonly body?: Range;
}

/** `object.verb(...)` */
export interface Call extends Place {
  readonly verb: string;
}

export interface Outline {
  readonly conditions: readonly Condition[];
  readonly calls: readonly Call[];
}

/** What is only said to listeners decides nothing. */
const FOR_LISTENERS = /\b(emit|observer)\b/;
const SIDES = { '||': 'false', '&&': 'true' } as const;

/** What a log has of a call: many words are changed one by one. */
const asLogged = (verb: string): string =>
  verb === 'guestFillWords' || verb === 'guestCopyWords' ? 'guestStore' : verb;

export function outline(text: string, map: SourceMapPayload): Outline {
  const lines = new Lines(text, map);
  const conditions: Condition[] = [];
  const calls: Call[] = [];
  visit(parse(text, { ecmaVersion: 'latest', sourceType: 'module' }), '', (node, name, above) => {
    const at = (place: AnyNode): Place => ({
      function: name,
      line: lines.lineAt(place.start),
      start: place.start,
      end: place.end,
    });
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression') {
      const { property } = node.callee;
      if (property.type === 'Identifier')
        calls.push({ ...at(node), verb: asLogged(property.name) });
    }
    if (
      node.type === 'IfStatement' &&
      node.alternate == null &&
      !throwsRangeError(node.consequent) &&
      !counts(node.consequent)
    ) {
      const said = lines.textOf(node.test);
      if (!FOR_LISTENERS.test(said))
        conditions.push({
          ...at(node.test),
          kind: 'unguard',
          text: said,
          not: 'false',
          ...guarded(node, node.test),
        });
    }
    const isWhole = isSides(node) && !(isSides(above) && above.operator === node.operator);
    if (isWhole && !(above?.type === 'IfStatement' && counts(above.consequent))) {
      for (const side of sidesOf(node)) {
        const said = lines.textOf(side, node.operator);
        conditions.push({
          ...at(side),
          kind: 'drop',
          text: said,
          not: SIDES[node.operator],
          ...(node.operator === '||' && guarded(above, node)),
        });
      }
    }
  });
  return { conditions, calls };
}

/** The text with one condition that is still asked and no longer heeded. Lines stay where they are. */
export const without = (text: string, { start, end, not }: Condition): string =>
  `${text.slice(0, start)}((${text.slice(start, end)}), ${not})${text.slice(end)}`;

type Sides = LogicalExpression & { readonly operator: '||' | '&&' };

const isSides = (node: AnyNode | undefined): node is Sides =>
  node?.type === 'LogicalExpression' && node.operator !== '??';

const sidesOf = (node: Sides): Expression[] =>
  [node.left, node.right].flatMap((side) =>
    isSides(side) && side.operator === node.operator ? sidesOf(side) : [side],
  );

/** What an `if` of one branch does under `test`. */
const guarded = (node: AnyNode | undefined, test: AnyNode): { body: Range } | undefined =>
  node?.type === 'IfStatement' && node.test === test && node.alternate == null
    ? { body: { start: node.consequent.start, end: node.consequent.end } }
    : undefined;

/** A refusal of bad input, which no litmus gives: tests have those. */
function throwsRangeError(node: AnyNode): boolean {
  if (node.type === 'BlockStatement') return node.body.some(throwsRangeError);
  if (node.type !== 'ThrowStatement' || node.argument.type !== 'NewExpression') return false;
  const { callee } = node.argument;
  return callee.type === 'Identifier' && callee.name === 'RangeError';
}

/** `stat.pf_fast++` */
const counts = (node: AnyNode): boolean =>
  node.type === 'ExpressionStatement' &&
  node.expression.type === 'UpdateExpression' &&
  node.expression.argument.type === 'MemberExpression';

type Visitor = (node: AnyNode, name: string, above: AnyNode | undefined) => void;

function visit(node: AnyNode, name: string, see: Visitor, above?: AnyNode): void {
  see(node, name, above);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, nameOf(child, node) ?? name, see, node);
    }
  }
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && typeof (value as AnyNode).type === 'string';

/** Of a function: its own name, or what it is called by its owner. */
function nameOf(node: AnyNode, owner: AnyNode): string | undefined {
  if (node.type === 'FunctionDeclaration') return node.id?.name;
  if (node.type !== 'ArrowFunctionExpression' && node.type !== 'FunctionExpression')
    return undefined;
  const named =
    owner.type === 'VariableDeclarator'
      ? owner.id
      : owner.type === 'MethodDefinition' || owner.type === 'Property'
        ? owner.key
        : undefined;
  return named?.type === 'Identifier' || named?.type === 'PrivateIdentifier'
    ? named.name
    : undefined;
}

/** From the built text to the lines of its source. */
class Lines {
  readonly #text: string;
  readonly #starts: number[] = [0];
  readonly #map: SourceMap;
  readonly #source: string;
  readonly #sourceStarts: number[] = [0];

  constructor(text: string, map: SourceMapPayload) {
    this.#text = text;
    this.#map = new SourceMap(map);
    this.#source = map.sourcesContent?.[0] ?? '';
    for (const [at, starts] of [
      [text, this.#starts],
      [this.#source, this.#sourceStarts],
    ] as const) {
      for (const { index } of at.matchAll(/\n/g)) starts.push(index + 1);
    }
  }

  /** From 1; 0 for what the source does not have. */
  lineAt(offset: number): number {
    return (this.#original(offset)?.line ?? -1) + 1;
  }

  /** As the source has it, where it can be found there: built text has numbers for names. */
  textOf(node: Expression, operator?: '||' | '&&'): string {
    const built = this.#text.slice(node.start, node.end);
    // Maps have no entry for what an expression may begin with.
    const [{ length: before }] = /^[(!]*/.exec(built) as unknown as [string];
    const original = this.#original(node.start + before);
    if (original === undefined) return oneLine(built);
    const start = (this.#sourceStarts[original.line] ?? 0) + original.column - before;
    try {
      const found = parseExpressionAt(this.#source, start, { ecmaVersion: 'latest' });
      // An || beside an && has its own parentheses, and ends with them.
      const isWhole = operator === undefined || (operator === '&&' && isSides(node));
      const own = isWhole ? found : firstSide(found, operator);
      return oneLine(this.#source.slice(own.start, own.end));
    } catch {
      return oneLine(built);
    }
  }

  #original(offset: number): { line: number; column: number } | undefined {
    let line = this.#starts.findLastIndex((start) => start <= offset);
    const entry = this.#map.findEntry(line, offset - (this.#starts[line] as number));
    if (!('originalLine' in entry)) return undefined;
    line = entry.originalLine;
    return { line, column: entry.originalColumn };
  }
}

/** What is parsed from a side's beginning goes on with the sides after it. */
function firstSide(node: Expression, operator: '||' | '&&'): Expression {
  if (node.type === 'ConditionalExpression') return firstSide(node.test, operator);
  if (!isSides(node)) return node;
  if (node.operator === operator || operator === '&&') return firstSide(node.left, operator);
  return node;
}

const oneLine = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
    .replaceAll('void 0', 'undefined');
