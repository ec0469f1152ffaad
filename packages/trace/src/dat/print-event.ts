// Prints a record as its kernel would have: format and record in, text out. Slow and general; events that come by the
// hundred thousand have decoders of their own (decode-record.ts), which a test holds to this one.
import type { EventFormat, FormatField } from './event-format.ts';
import { type Expression, type PrintFmt, parsePrintFmt } from './print-fmt.ts';
import type { EventRecord } from './record.ts';

type Value = bigint | string;

/** Constants that formats name and do not define, since their kernel did not export them. KVM: enum vdso_clock_mode. */
const CONSTANTS: Readonly<{ [name: string]: bigint }> = {
  VDSO_CLOCKMODE_NONE: 0n,
  VDSO_CLOCKMODE_TSC: 1n,
};

/** A format asks for what is not known here. */
class Unprintable extends Error {}

/** A piece of the print fmt: literal text, or a conversion with its argument. */
interface Piece {
  readonly literal: string;
  readonly conversion?: Conversion;
  readonly argument?: Expression;
}

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly letter: string;
  /** Bits of the argument. */
  readonly bits: number;
}

export class EventPrinter {
  readonly #format: EventFormat;
  readonly #pieces: readonly Piece[];

  /** Undefined if the format's print fmt is not understood. */
  static of(format: EventFormat): EventPrinter | undefined {
    const fmt = parsePrintFmt(format.printFmt);
    return fmt && new EventPrinter(format, piecesOf(fmt));
  }

  private constructor(format: EventFormat, pieces: readonly Piece[]) {
    this.#format = format;
    this.#pieces = pieces;
  }

  /** The whole body; undefined where the record does not hold what the format asks for. */
  print(record: EventRecord): string | undefined {
    return this.#printPieces(this.#pieces, record);
  }

  /** A printer of only what directly follows `literal`, up to the next literal text. Undefined if there is no such place. */
  after(literal: string): ((record: EventRecord) => string | undefined) | undefined {
    const from = this.#pieces.findIndex((piece) => piece.literal.endsWith(literal));
    if (from < 0) return undefined;
    let to = from + 1;
    while (to < this.#pieces.length && this.#pieces[to]?.literal === '') to++;
    const pieces = this.#pieces
      .slice(from, to)
      .map((piece, i) => (i === 0 ? { ...piece, literal: '' } : piece));
    return (record) => this.#printPieces(pieces, record);
  }

  #printPieces(pieces: readonly Piece[], record: EventRecord): string | undefined {
    try {
      const eye = new Evaluator(this.#format, record);
      return pieces.map((piece) => piece.literal + eye.convert(piece)).join('');
    } catch (error) {
      if (error instanceof Unprintable || error instanceof RangeError) return undefined;
      throw error;
    }
  }
}

const CONVERSION = /%([-#0 +]*)(\d*)(?:\.\d+)?(hh|h|ll|l|z)?([a-zA-Z%])/g;

function piecesOf({ text, args }: PrintFmt): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  let end = 0;
  let used = 0;
  for (const match of text.matchAll(CONVERSION)) {
    const [whole, flags = '', width = '', length = '', letter = ''] = match;
    literal += text.slice(end, match.index);
    end = match.index + whole.length;
    if (letter === '%') {
      literal += '%';
      continue;
    }
    const argument = args[used++];
    const bits = length === '' || length.startsWith('h') ? 32 : 64;
    const conversion = { flags, width: Number(width), letter, bits };
    pieces.push({ literal, conversion, ...(argument && { argument }) });
    literal = '';
    // %ps and the like: the letters behind belong to the conversion.
    if (letter === 'p') end += /^[a-zA-Z]*/.exec(text.slice(end))?.[0].length ?? 0;
  }
  pieces.push({ literal: literal + text.slice(end) });
  return pieces;
}

class Evaluator {
  readonly #format: EventFormat;
  readonly #record: EventRecord;

  constructor(format: EventFormat, record: EventRecord) {
    this.#format = format;
    this.#record = record;
  }

  convert({ conversion, argument }: Piece): string {
    if (conversion === undefined) return '';
    if (argument === undefined) throw new Unprintable();
    const value = this.value(argument);
    if (typeof value === 'string') return value;
    const { letter, bits, flags, width } = conversion;
    const text = formatNumber(value, letter, bits, flags);
    const isZeroed = flags.includes('0') && letter !== 's';
    if (!isZeroed) return flags.includes('-') ? text.padEnd(width) : text.padStart(width);
    const sign = /^(-|0x)?/.exec(text)?.[0] ?? '';
    return sign + text.slice(sign.length).padStart(width - sign.length, '0');
  }

  value(expression: Expression): Value {
    switch (expression.kind) {
      case 'number':
      case 'string':
        return expression.value;
      case 'field':
        return this.#fieldValue(this.#field(expression.name));
      case 'unary':
        return unary(expression.operator, this.#number(expression.of));
      case 'cast':
        return this.#cast(expression.type, this.value(expression.of));
      case 'binary':
        return this.#binary(expression);
      case 'choice':
        return this.value(this.#number(expression.condition) ? expression.yes : expression.no);
      case 'call':
        return this.#call(expression.name, expression.args);
      default:
        throw new Unprintable();
    }
  }

  #field(name: string): FormatField {
    const field = this.#format.fields.get(name);
    if (field === undefined || field.offset + field.size > this.#record.length) {
      throw new Unprintable();
    }
    return field;
  }

  #fieldValue(field: FormatField): Value {
    if (/char\b.*\[/.test(field.type)) return this.#record.string(field);
    const { bytes, at } = this.#record;
    let value = 0n;
    for (let i = field.size - 1; i >= 0; i--) {
      value = (value << 8n) | BigInt(bytes[at + field.offset + i] as number);
    }
    return field.signed ? BigInt.asIntN(8 * field.size, value) : value;
  }

  #number(expression: Expression): bigint {
    const value = this.value(expression);
    if (typeof value === 'string') throw new Unprintable();
    return value;
  }

  #cast(type: string, value: Value): Value {
    if (typeof value === 'string' || type.includes('*')) return value;
    const bits = /char|8/.test(type)
      ? 8
      : /short|16/.test(type)
        ? 16
        : /long|64/.test(type)
          ? 64
          : 32;
    return /unsigned|\bu\d|\b__u\d/.test(type)
      ? BigInt.asUintN(bits, value)
      : BigInt.asIntN(bits, value);
  }

  #binary({ operator, left, right }: Expression & { kind: 'binary' }): bigint {
    const first = this.#number(left);
    if (operator === '&&') return BigInt(first !== 0n && this.#number(right) !== 0n);
    if (operator === '||') return BigInt(first !== 0n || this.#number(right) !== 0n);
    return arithmetic(operator, first, this.#number(right));
  }

  #call(name: string, args: readonly Expression[]): Value {
    switch (name) {
      case '__print_symbolic':
        return this.#symbolic(args);
      case '__print_flags':
        return this.#flags(args);
      case '__print_hex':
        return this.#hex(args);
      case '__get_str':
        return this.#record.string(this.#field(nameOf(args[0])));
      default: {
        const constant = CONSTANTS[name];
        if (args.length > 0 || constant === undefined) throw new Unprintable();
        return constant;
      }
    }
  }

  /** Rows whose number nobody has defined are passed over. */
  *#rows(table: readonly Expression[]): Generator<readonly [bigint, string]> {
    for (const row of table) {
      if (row.kind !== 'row' || row.cells.length === 0) continue;
      const [number, name] = row.cells;
      if (number === undefined || name?.kind !== 'string') throw new Unprintable();
      const known = this.#numberIfKnown(number);
      if (known !== undefined) yield [known, name.value];
    }
  }

  #numberIfKnown(expression: Expression): bigint | undefined {
    try {
      return BigInt.asUintN(64, this.#number(expression));
    } catch (error) {
      if (error instanceof Unprintable) return undefined;
      throw error;
    }
  }

  #symbolic([of, ...table]: readonly Expression[]): string {
    if (of === undefined) throw new Unprintable();
    const value = BigInt.asUintN(64, this.#number(of));
    for (const [number, name] of this.#rows(table)) if (number === value) return name;
    return `0x${value.toString(16)}`;
  }

  #flags([of, delimiter, ...table]: readonly Expression[]): string {
    if (of === undefined || delimiter?.kind !== 'string') throw new Unprintable();
    let rest = BigInt.asUintN(64, this.#number(of));
    const names: string[] = [];
    for (const [mask, name] of this.#rows(table)) {
      if (mask === 0n || (rest & mask) !== mask) continue;
      names.push(name);
      rest &= ~mask;
    }
    if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
    return names.join(delimiter.value);
  }

  #hex([of, length]: readonly Expression[]): string {
    if (length === undefined) throw new Unprintable();
    const { from, to } = this.#record.range(this.#field(nameOf(of)));
    const bytes = this.#record.bytes.subarray(
      from,
      Math.min(to, from + Number(this.#number(length))),
    );
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }
}

function nameOf(expression: Expression | undefined): string {
  if (expression?.kind === 'field') return expression.name;
  if (expression?.kind === 'call' && expression.args.length === 0) return expression.name;
  throw new Unprintable();
}

function unary(operator: string, value: bigint): bigint {
  if (operator === '!') return BigInt(value === 0n);
  if (operator === '~') return ~value;
  if (operator === '-') return -value;
  if (operator === '+') return value;
  throw new Unprintable();
}

function arithmetic(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<<':
      return BigInt.asUintN(64, left << (right & 63n));
    case '>>':
      return left >> (right & 63n);
    case '==':
      return BigInt(left === right);
    case '!=':
      return BigInt(left !== right);
    case '<':
      return BigInt(left < right);
    case '>':
      return BigInt(left > right);
    case '<=':
      return BigInt(left <= right);
    case '>=':
      return BigInt(left >= right);
    default:
      if (right === 0n) throw new Unprintable();
      return operator === '/' ? left / right : left % right;
  }
}

function formatNumber(value: bigint, letter: string, bits: number, flags: string): string {
  const unsigned = BigInt.asUintN(bits, value);
  switch (letter) {
    case 'd':
    case 'i':
      return BigInt.asIntN(bits, value).toString();
    case 'u':
      return unsigned.toString();
    case 'x':
    case 'X':
      return `${flags.includes('#') && unsigned !== 0n ? '0x' : ''}${unsigned.toString(16)}`;
    case 'p':
      return BigInt.asUintN(64, value).toString(16).padStart(16, '0');
    case 'c':
      return unsigned === 0n ? '' : String.fromCharCode(Number(unsigned & 0xffn));
    default:
      throw new Unprintable();
  }
}
