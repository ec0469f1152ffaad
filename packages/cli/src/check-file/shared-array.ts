// A typed array over shared memory as the user's code sees it: every element read or written is a plain operation.
import type { Answer, Operation, Verb } from '@faultline/atomics';
import type { Element, ElementKind, NativeArray } from './element-kind.ts';
import type { Buffer, World } from './world.ts';

/** What stands behind one of them. */
export interface View {
  readonly kind: ElementKind;
  /** The array over real memory. */
  readonly native: NativeArray;
  readonly buffer: Buffer;
}

const views = new WeakMap<object, View>();

/** Undefined for anything but a typed array over shared memory. */
export const viewOf = (array: unknown): View | undefined =>
  typeof array === 'object' && array !== null ? views.get(array) : undefined;

export const addressOf = ({ kind, native, buffer }: View, index: number): number =>
  buffer.base + native.byteOffset + index * kind.bytes;

/** One operation on one element. */
export function operate(
  world: World & { ask: NonNullable<World['ask']> },
  view: View,
  verb: 'load' | 'store' | 'xchg' | 'cmpxchg' | 'or' | 'and' | 'xor' | 'add',
  index: number,
  { args = [], order = 'seqcst' }: Partial<Pick<Operation, 'args' | 'order'>> = {},
): Answer {
  const { bytes } = view.kind;
  return world.ask({
    verb: `${verb}${8 * bytes}` as Verb,
    object: 'words',
    address: addressOf(view, index),
    bytes,
    order,
    args,
  });
}

export const isAsking = (world: World): world is World & { ask: NonNullable<World['ask']> } =>
  world.ask !== undefined;

export function sharedArray(
  world: World,
  view: View,
  methods: ReadonlyMap<PropertyKey, unknown>,
): NativeArray {
  const { kind, native } = view;
  const load = (index: number): Element | undefined => {
    if (!(index < native.length)) return undefined;
    if (!isAsking(world)) return native[index];
    return kind.decode(operate(world, view, 'load', index, { order: 'plain' }));
  };
  const store = (index: number, value: unknown): void => {
    if (!isAsking(world)) {
      native[index] = value as Element;
      return;
    }
    const args = kind.encode(value);
    if (index < native.length) operate(world, view, 'store', index, { args, order: 'plain' });
  };
  const proxy = new Proxy(native, {
    get(_, key) {
      const index = indexOf(key);
      if (index !== undefined) return load(index);
      if (methods.has(key)) return methods.get(key);
      const value: unknown = Reflect.get(native, key, native);
      if (typeof value !== 'function' || key === 'constructor') return value;
      throw world.refuse(
        `a method that shared ${kind.name}s have here`,
        `${kind.name}.prototype.${String(key)}`,
      );
    },
    set(_, key, value) {
      const index = indexOf(key);
      if (index === undefined) return Reflect.set(native, key, value, native);
      store(index, value);
      return true;
    },
    getOwnPropertyDescriptor(_, key) {
      const index = indexOf(key);
      if (index === undefined) return Reflect.getOwnPropertyDescriptor(native, key);
      const value = load(index);
      return value === undefined
        ? undefined
        : { value, configurable: true, enumerable: true, writable: true };
    },
  });
  views.set(proxy, view);
  return proxy;
}

/** Element that a property key names; NaN for a number that is none, as `-1` and `1.5`. */
function indexOf(key: PropertyKey): number | undefined {
  if (typeof key !== 'string') return undefined;
  const number = Number(key);
  if (String(number) !== key && key !== '-0') return undefined;
  return Number.isInteger(number) && number >= 0 && key !== '-0' ? number : Number.NaN;
}
