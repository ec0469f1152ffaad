// A small language over the whole seam, as data, so that its programs shrink and print as code; what a thread does depends on
// what it has found. Every name below is a word; 64-bit `x` lies over the 32-bit words `x` and `xHigh`.
import type { Shared } from '@faultline/atomics';
import type { Body } from '../src/program.ts';

export const X = 0x100;
export const X_HIGH = 0x104;
export const Y = 0x108;
export const MUTEX_A = 0x110;
export const MUTEX_B = 0x114;
export const RWLOCK = 0x118;
/** Of guest memory: the index of its word. */
export const RAM = 1;

const words32 = { x: X, xHigh: X_HIGH, y: Y } as const;
export type Word32 = keyof typeof words32;

/** A small constant, or what the last operation found plus it. */
export interface Value {
  readonly plus: number;
  readonly last: boolean;
}

type Modify = 'xchg' | 'or' | 'and' | 'add';

export type Statement =
  | { readonly do: 'load'; readonly at: Word32 }
  | { readonly do: 'load64' }
  | { readonly do: 'store' | 'storePlain'; readonly at: Word32; readonly value: Value }
  | { readonly do: 'store64' | 'storePlain64'; readonly low: Value; readonly high: number }
  | { readonly do: Modify; readonly at: Word32; readonly value: Value }
  | { readonly do: `${Modify}64`; readonly low: Value; readonly high: number }
  | { readonly do: 'cmpxchg'; readonly at: Word32; readonly expected: Value; readonly value: Value }
  | {
      readonly do: 'cmpxchg64';
      readonly expected: Value;
      readonly low: Value;
      readonly high: number;
    }
  | { readonly do: 'fence' }
  | { readonly do: 'wait'; readonly at: Word32; readonly expected: number; readonly ms: number }
  | { readonly do: 'notify'; readonly at: Word32; readonly count: number }
  | { readonly do: 'waitUntil'; readonly at: Word32; readonly mask: number; readonly value: number }
  | { readonly do: 'waitWhile'; readonly at: Word32; readonly value: number }
  | { readonly do: 'guestLoad' }
  | { readonly do: 'guestStore'; readonly value: Value }
  | { readonly do: 'locked'; readonly by: Lock; readonly body: readonly Statement[] }
  | { readonly do: 'handOver'; readonly from: Mutex; readonly body: readonly Statement[] }
  | { readonly do: 'if'; readonly last: number; readonly body: readonly Statement[] }
  | {
      readonly do: 'loop';
      readonly times: number;
      /** Leaves the loop when the last operation of its body found this. */
      readonly until: number;
      readonly body: readonly Statement[];
    };

export type Mutex = 'a' | 'b';
export type Lock = Mutex | 'read' | 'write';

const mutexes = { a: MUTEX_A, b: MUTEX_B } as const;

/** What a thread knows: the last value found, all that it will return, and what the loops it is in come back to. */
interface Locals {
  last: number;
  seen: number[];
  readonly loops: number[];
}

const evaluate = ({ plus, last }: Value, locals: Locals): number =>
  last ? (locals.last + plus) & 3 : plus;

function enter(mem: Shared, by: Lock): void {
  if (by === 'read') mem.readLock(RWLOCK);
  else if (by === 'write') mem.writeLock(RWLOCK);
  else mem.lock(mutexes[by]);
}

function leave(mem: Shared, by: Lock): void {
  if (by === 'read') mem.readUnlock(RWLOCK);
  else if (by === 'write') mem.writeUnlock(RWLOCK);
  else mem.unlock(mutexes[by]);
}

/** One operation; answers what it found, or nothing. */
function operate(mem: Shared, statement: Statement, locals: Locals): number | undefined {
  const value = (of: Value): number => evaluate(of, locals);
  const both = (low: number): number => low + 10 * mem.high;
  switch (statement.do) {
    case 'load':
      return mem.load32(words32[statement.at]);
    case 'load64':
      return both(mem.load64(X));
    case 'store':
      return void mem.store32(words32[statement.at], value(statement.value));
    case 'storePlain':
      return void mem.storePlain32(words32[statement.at], value(statement.value));
    case 'store64':
      return void mem.store64(X, value(statement.low), statement.high);
    case 'storePlain64':
      return void mem.storePlain64(X, value(statement.low), statement.high);
    case 'xchg':
    case 'or':
    case 'and':
    case 'add':
      return mem[`${statement.do}32`](words32[statement.at], value(statement.value));
    case 'xchg64':
    case 'or64':
    case 'and64':
    case 'add64':
      return both(mem[statement.do](X, value(statement.low), statement.high));
    case 'cmpxchg':
      return mem.cmpxchg32(
        words32[statement.at],
        value(statement.expected),
        value(statement.value),
      );
    case 'cmpxchg64': {
      const won = mem.cmpxchg64(
        X,
        value(statement.expected),
        0,
        value(statement.low),
        statement.high,
      );
      return won === 1 ? -1 : both(mem.low);
    }
    case 'fence':
      return void mem.fence();
    case 'wait':
      return mem.wait(words32[statement.at], statement.expected, statement.ms);
    case 'notify':
      return mem.notify(words32[statement.at], statement.count);
    case 'waitUntil':
      return void mem.waitUntil(words32[statement.at], statement.mask, statement.value);
    case 'waitWhile':
      return void mem.waitWhile(words32[statement.at], statement.value);
    case 'guestLoad':
      return mem.guestLoad(RAM);
    case 'guestStore':
      return void mem.guestStore(RAM, value(statement.value));
    default:
      throw new Error(`expected an operation, got ${statement.do}`);
  }
}

function execute(
  mem: Shared,
  statements: readonly Statement[],
  locals: Locals,
  place: number,
): void {
  statements.forEach((statement, index) => {
    const here = place * 8 + index + 1;
    switch (statement.do) {
      case 'if':
        if (locals.last === statement.last) execute(mem, statement.body, locals, here);
        return;
      case 'locked':
        enter(mem, statement.by);
        execute(mem, statement.body, locals, here);
        leave(mem, statement.by);
        return;
      case 'handOver': {
        const to = statement.from === 'a' ? 'b' : 'a';
        enter(mem, statement.from);
        execute(mem, statement.body, locals, here);
        enter(mem, to);
        leave(mem, statement.from);
        leave(mem, to);
        return;
      }
      case 'loop':
        loop(mem, statement, locals, here);
        return;
      default: {
        const found = operate(mem, statement, locals);
        if (found === undefined) return;
        locals.last = found;
        locals.seen.push(found);
      }
    }
  });
}

/** What an iteration found is forgotten at its end: so the claim at the loop's head is true. */
function loop(
  mem: Shared,
  { times, until, body }: Statement & { do: 'loop' },
  locals: Locals,
  place: number,
): void {
  const { last, seen } = locals;
  let isMet = false;
  for (let i = 0; i < times && !isMet; i++) {
    locals.last = last;
    locals.seen = [...seen];
    // Which loop it is matters too: all of them are this line.
    mem.again(place, ...locals.loops, i, last, ...seen);
    locals.loops.push(i, last);
    execute(mem, body, locals, place);
    locals.loops.length -= 2;
    isMet = locals.last === until;
  }
  locals.last = isMet ? until : last;
  locals.seen = [...seen, isMet ? 1 : 0];
}

export const bodyOf =
  (statements: readonly Statement[]): Body =>
  (mem) => {
    const locals: Locals = { last: 0, seen: [], loops: [] };
    execute(mem, statements, locals, 0);
    return locals.seen;
  };

export const isOrHas = (statement: Statement, of: (statement: Statement) => boolean): boolean =>
  of(statement) || ('body' in statement && statement.body.some((inner) => isOrHas(inner, of)));

const printValue = ({ plus, last }: Value): string => (last ? `(last + ${plus}) & 3` : `${plus}`);

export function print(statements: readonly Statement[]): string {
  return statements
    .map((statement) => {
      const { do: verb, ...fields } = statement;
      const inside = 'body' in statement ? ` { ${print(statement.body)} }` : '';
      const args = Object.entries(fields)
        .filter(([name]) => name !== 'body')
        .map(
          ([name, field]) =>
            `${name}: ${typeof field === 'object' ? printValue(field as Value) : field}`,
        );
      return `${verb}(${args.join(', ')})${inside}`;
    })
    .join('; ');
}
