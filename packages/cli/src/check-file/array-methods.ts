// The methods of typed arrays, for arrays over shared memory: each element they read or write is an operation of its own,
// in the order in which ECMAScript goes through them.
import type { Element, NativeArray } from './element-kind.ts';
import { type View, viewOf } from './shared-array.ts';

type Callback = (element: Element | undefined, index: number, array: unknown) => unknown;

/** What ordinary arrays and these do alike, by way of their elements and length. */
const GENERIC = [
  'at every some find findIndex findLast findLastIndex forEach includes indexOf lastIndexOf join reduce reduceRight',
  'keys values entries reverse copyWithin fill',
].flatMap((names) => names.split(' '));

interface ArrayRealm {
  /** `Array` of the user's realm. */
  readonly Array: ArrayConstructor;
  /** An array of the same kind that is not shared. */
  readonly unshared: (view: View, length: number) => NativeArray;
  /** A window on the same memory. */
  readonly window: (view: View, byteOffset: number, length: number) => NativeArray;
}

export function arrayMethods({
  Array: Arrays,
  unshared,
  window,
}: ArrayRealm): Map<PropertyKey, unknown> {
  const generic = Arrays.prototype as unknown as Record<
    PropertyKey,
    (...args: unknown[]) => unknown
  >;
  const methods = new Map<PropertyKey, unknown>(GENERIC.map((name) => [name, generic[name]]));
  methods.set(Symbol.iterator, generic.values);
  const define = (
    named: Record<string, (this: NativeArray, ...args: never[]) => unknown>,
  ): void => {
    for (const [name, method] of Object.entries(named)) methods.set(name, method);
  };
  define({
    fill(value: unknown, start?: number, end?: number) {
      const element = known(this).kind.convert(value);
      return generic.fill?.call(this, element, start, end);
    },
    set(source: ArrayLike<Element>, offset = 0) {
      const { length } = source;
      if (offset < 0 || offset + length > this.length)
        throw new RangeError('offset is out of bounds');
      for (let index = 0; index < length; index++) this[offset + index] = source[index] as Element;
    },
    subarray(start?: number, end?: number) {
      const view = known(this);
      const [from, to] = range(this.length, start, end);
      return window(view, view.native.byteOffset + from * view.kind.bytes, to - from);
    },
    slice(start?: number, end?: number) {
      const [from, to] = range(this.length, start, end);
      const copy = unshared(known(this), to - from);
      for (let index = from; index < to; index++) copy[index - from] = this[index] as Element;
      return copy;
    },
    map(callback: Callback, thisArg?: unknown) {
      const result = unshared(known(this), this.length);
      for (let index = 0; index < this.length; index++) {
        result[index] = callback.call(thisArg, this[index], index, this) as Element;
      }
      return result;
    },
    filter(callback: Callback, thisArg?: unknown) {
      const kept: Element[] = [];
      for (let index = 0; index < this.length; index++) {
        const element = this[index] as Element;
        if (callback.call(thisArg, element, index, this)) kept.push(element);
      }
      const result = unshared(known(this), kept.length);
      for (const [index, element] of kept.entries()) result[index] = element;
      return result;
    },
    sort(compare?: (a: Element, b: Element) => number) {
      return generic.sort?.call(this, compare ?? ascending);
    },
    toString() {
      return generic.join?.call(this);
    },
  });
  return methods;
}

const ascending = (a: Element, b: Element): number => (a < b ? -1 : Number(a > b));

function known(array: NativeArray): View {
  const view = viewOf(array);
  if (view === undefined) throw new TypeError('this is not a typed array.');
  return view;
}

function range(length: number, start = 0, end = length): [number, number] {
  const clamp = (index: number): number =>
    index < 0 ? Math.max(length + Math.trunc(index), 0) : Math.min(Math.trunc(index), length);
  const from = clamp(start);
  return [from, Math.max(clamp(end), from)];
}
