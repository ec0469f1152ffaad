// The globals of the realm that the user's code runs in, as far as they are changed.

export type Globals = Record<string, never> & {
  SharedArrayBuffer: new (bytes: number, options?: unknown) => SharedArrayBuffer;
  Atomics: typeof Atomics;
  Array: ArrayConstructor;
  Date: DateConstructor;
  Math: { random: () => number };
  WebAssembly: { Memory: new (descriptor: { shared?: boolean }) => object };
};

/** The same class but for what `new` answers. */
export function construct<Class extends abstract new (...args: never[]) => object>(
  native: Class,
  answer: (make: () => object, args: readonly unknown[]) => object,
): Class {
  const made: Class = new Proxy(native, {
    construct: (target, args, newTarget) =>
      answer(() => Reflect.construct(target, args, newTarget === made ? target : newTarget), args),
  });
  // `array.constructor` is the class that the code knows.
  Object.defineProperty(native.prototype, 'constructor', {
    value: made,
    writable: true,
    configurable: true,
  });
  return made;
}
