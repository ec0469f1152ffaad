// `Atomics` as the user's code sees it: on shared arrays one sequentially consistent operation, on others the real thing.
import { WAIT_NOT_EQUAL, WAIT_TIMED_OUT } from '@faultline/atomics';
import type { Element } from './element-kind.ts';
import { addressOf, isAsking, operate, type View, viewOf } from './shared-array.ts';
import type { World } from './world.ts';

type Native = typeof Atomics & { readonly pause?: () => void };
// biome-ignore lint/suspicious/noExplicitAny: whatever the user's code passes goes on to the real function, which judges it.
type Anything = any;

export function atomicsObject(world: World, native: Native): object {
  /** The view and the element's index, checked as the real `Atomics` checks them; undefined where that one is to do it all. */
  const target = (array: unknown, index: unknown): { view: View; index: number } | undefined => {
    const view = viewOf(array);
    if (view === undefined || !isAsking(world)) return undefined;
    const isIndex = Number.isInteger(index) && (index as number) >= 0;
    if (isIndex && (index as number) < view.native.length) return { view, index: index as number };
    native.load(view.native as Anything, index as number); // says what is wrong with it
    return { view, index: Math.trunc(Number(index)) || 0 };
  };
  const real = (array: unknown): Anything => viewOf(array)?.native ?? array;

  /** A read-modify-write; `encode` makes its arguments. */
  const modify =
    (
      name: 'exchange' | 'or' | 'and' | 'xor' | 'add' | 'sub',
      verb: 'xchg' | 'or' | 'and' | 'xor' | 'add',
      encode: (view: View, value: unknown) => number[] = (view, value) => view.kind.encode(value),
    ) =>
    (array: unknown, at: unknown, value: Anything): Element => {
      const found = target(array, at);
      if (found === undefined || !isAsking(world))
        return native[name](real(array), at as number, value);
      const { view, index } = found;
      return view.kind.decode(operate(world, view, verb, index, { args: encode(view, value) }));
    };

  return {
    load(array: unknown, at: unknown): Element {
      const found = target(array, at);
      if (found === undefined || !isAsking(world)) return native.load(real(array), at as number);
      return found.view.kind.decode(operate(world, found.view, 'load', found.index));
    },
    store(array: unknown, at: unknown, value: Anything): Element {
      const found = target(array, at);
      if (found === undefined || !isAsking(world))
        return native.store(real(array), at as number, value);
      const { view, index } = found;
      const stored = view.kind.bytes === 8 ? value : Math.trunc(Number(value)) || 0;
      operate(world, view, 'store', index, { args: view.kind.encode(stored) });
      return stored;
    },
    exchange: modify('exchange', 'xchg'),
    or: modify('or', 'or'),
    and: modify('and', 'and'),
    add: modify('add', 'add'),
    sub: modify('sub', 'add', (view, value) => view.kind.encodeNegative(value)),
    xor: modify('xor', 'xor'),
    compareExchange(array: unknown, at: unknown, expected: Anything, value: Anything): Element {
      const found = target(array, at);
      if (found === undefined || !isAsking(world)) {
        return native.compareExchange(real(array), at as number, expected, value);
      }
      const { kind } = found.view;
      const args = [...kind.encode(expected), ...kind.encode(value)];
      return kind.decode(operate(world, found.view, 'cmpxchg', found.index, { args }));
    },
    wait(
      array: unknown,
      at: unknown,
      value: unknown,
      ms: unknown = Number.POSITIVE_INFINITY,
    ): string {
      const found = parkingPlace(array, at, 'wait');
      const [expected = 0] = found.view.kind.encode(value);
      const timeout = Number(ms);
      const limit =
        Number.isNaN(timeout) || timeout === Number.POSITIVE_INFINITY ? -1 : Math.max(timeout, 0);
      const { low } = park(found, 'wait', [expected, limit]);
      if (low === WAIT_NOT_EQUAL) return 'not-equal';
      return low === WAIT_TIMED_OUT ? 'timed-out' : 'ok';
    },
    notify(array: unknown, at: unknown, count: unknown = Number.POSITIVE_INFINITY): number {
      if (viewOf(array) === undefined || !isAsking(world)) {
        return native.notify(real(array), at as number, count as number);
      }
      const most = Math.max(Math.trunc(Number(count)) || 0, 0);
      return park(parkingPlace(array, at, 'notify'), 'notify', [Number.isFinite(most) ? most : -1])
        .low;
    },
    waitAsync(): never {
      throw world.refuse(
        'Atomics.wait',
        'Atomics.waitAsync, whose answer comes when the thread has returned',
      );
    },
    isLockFree: (bytes: number): boolean => native.isLockFree(bytes),
    pause(): void {},
    [Symbol.toStringTag]: 'Atomics',
  };

  function parkingPlace(array: unknown, at: unknown, name: string): { view: View; index: number } {
    const found = target(array, at);
    if (found === undefined) {
      if (viewOf(array) === undefined) native.notify(array as Anything, at as number); // says what is wrong with it
      throw world.refuse(
        `Atomics.${name} in a thread`,
        `Atomics.${name} while the file is evaluated`,
      );
    }
    if (found.view.kind.name === 'Int32Array') return found;
    throw world.refuse('an Int32Array to wait on', `a ${found.view.kind.name}`);
  }

  function park(
    { view, index }: { view: View; index: number },
    verb: 'wait' | 'notify',
    args: number[],
  ): { readonly low: number } {
    if (!isAsking(world)) return { low: 0 };
    const address = addressOf(view, index);
    return world.ask({ verb, object: 'words', address, bytes: 4, order: 'seqcst', args });
  }
}
