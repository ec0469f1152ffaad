// A format's `print fmt`: a C string and C expressions, as trace-cmd gets them. Parsed once, so that the names behind numbers
// are the kernel's own:
//
//   "reason %s (%d)", REC->errno < 0 ? (REC->errno == -4 ? "restart" : "error") : __print_symbolic(REC->reason, { 0, ...
//
// KVM: the argument lists of TP_printk().

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | { readonly kind: 'cast'; readonly type: string; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'row'; readonly cells: readonly Expression[] };

export interface PrintFmt {
  readonly text: string;
  readonly args: readonly Expression[];
}

/** What is no expression of those that formats hold. */
class Unparsable extends Error {}

/** Undefined for a format that holds code (`({ ... })`) or what is no C: such an event is not printed. */
export function parsePrintFmt(source: string): PrintFmt | undefined {
  try {
    return new Parser(tokenize(source)).printFmt();
  } catch (error) {
    if (error instanceof Unparsable) return undefined;
    throw error;
  }
}

const TOKEN =
  /\s+|("(?:[^"\\]|\\.)*")|(0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)|([A-Za-z_]\w*)|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:,(){}[\].])/y;
/** Of its groups. */
const KINDS = ['string', 'number', 'name', 'sign'] as const;

interface Token {
  readonly kind: (typeof KINDS)[number] | 'end';
  readonly text: string;
}

/** Formats are at most some ten kilobytes; a longer one is damage. */
const MAX_TOKENS = 20_000;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const match = TOKEN.exec(source);
    if (match === null || tokens.length > MAX_TOKENS) throw new Unparsable();
    const group = KINDS.findIndex((_, n) => match[n + 1] !== undefined);
    const kind = KINDS[group];
    if (kind !== undefined) tokens.push({ kind, text: match[group + 1] ?? '' });
  }
  return tokens;
}

/** Binary operators from the loosest on. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const UNARY: readonly string[] = ['!', '~', '-', '+', '*', '&'];
const MAX_DEPTH = 200;
const END: Token = { kind: 'end', text: '' };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  printFmt(): PrintFmt {
    const text = this.#strings();
    const args: Expression[] = [];
    while (this.#accept(',')) args.push(this.#expression());
    if (this.#next() !== END) throw new Unparsable();
    return { text, args };
  }

  #next(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #accept(text: string): boolean {
    const token = this.#next();
    if (token.text !== text || token.kind === 'string') return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw new Unparsable();
  }

  #expression(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new Unparsable();
    const condition = this.#binary(0);
    this.#depth--;
    if (!this.#accept('?')) return condition;
    const yes = this.#expression();
    this.#expect(':');
    return { kind: 'choice', condition, yes, no: this.#expression() };
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = operators.find((sign) => this.#accept(sign));
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
  }

  #unary(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new Unparsable();
    const operator = UNARY.find((sign) => this.#accept(sign));
    const found: Expression =
      operator === undefined ? this.#cast() : { kind: 'unary', operator, of: this.#unary() };
    this.#depth--;
    return found;
  }

  /** `(unsigned long)x`: only words and stars between the parentheses, and something to cast behind them. */
  #cast(): Expression {
    const from = this.#at;
    if (this.#accept('(')) {
      const words: string[] = [];
      while (this.#next().kind === 'name' || this.#next().text === '*') {
        words.push(this.#next().text);
        this.#at++;
      }
      const { kind, text } = this.#tokens[this.#at + 1] ?? END;
      const follows = kind === 'name' || kind === 'number' || text === '(';
      if (words.length > 0 && follows && this.#accept(')')) {
        return { kind: 'cast', type: words.join(' '), of: this.#unary() };
      }
      this.#at = from;
    }
    return this.#primary();
  }

  #primary(): Expression {
    const token = this.#next();
    if (token.kind === 'string') return { kind: 'string', value: this.#strings() };
    this.#at++;
    if (token.kind === 'number') {
      return { kind: 'number', value: BigInt(token.text.replace(/[uUlL]+$/, '')) };
    }
    if (token.text === '(') {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (token.text === '{') return { kind: 'row', cells: this.#listUntil('}') };
    if (token.kind !== 'name') throw new Unparsable();
    if (token.text === 'REC' && this.#accept('->')) return this.#field();
    const args = this.#accept('(') ? this.#listUntil(')') : [];
    return { kind: 'call', name: token.text, args };
  }

  #field(): Expression {
    const { kind, text } = this.#next();
    if (kind !== 'name') throw new Unparsable();
    this.#at++;
    return { kind: 'field', name: text };
  }

  /** Tables end in a comma, perhaps. */
  #listUntil(close: string): Expression[] {
    const list: Expression[] = [];
    while (!this.#accept(close)) {
      list.push(this.#expression());
      if (!this.#accept(',') && this.#next().text !== close) throw new Unparsable();
    }
    return list;
  }

  /** Neighbouring literals are one. */
  #strings(): string {
    if (this.#next().kind !== 'string') throw new Unparsable();
    let value = '';
    for (; this.#next().kind === 'string'; this.#at++) {
      value += this.#next()
        .text.slice(1, -1)
        .replace(/\\(.)/g, (_, c) => ESCAPES[c] ?? c);
    }
    return value;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t' };
