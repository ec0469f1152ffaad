// The globals that the user's code runs with: a realm of its own, whose shared memory is the checker's, and in which nothing
// answers differently the next time.
import { type Context, createContext, runInContext } from 'node:vm';
import { arrayMethods } from './array-methods.ts';
import { atomicsObject } from './atomics-object.ts';
import {
  ElementKind,
  type NativeArray,
  type NativeConstructor,
  type SharedKind,
} from './element-kind.ts';
import { construct, type Globals } from './globals.ts';
import { refuseChance } from './same-each-time.ts';
import { sharedArray, type View } from './shared-array.ts';
import type { Buffer, World } from './world.ts';

const SHARED_KINDS: readonly SharedKind[] = [
  'Int32Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
];
const OTHER_KINDS =
  'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Float16Array Float32Array Float64Array DataView'.split(
    ' ',
  );
export function makeRealm(world: World): Context {
  const context = createContext({});
  const globals = runInContext('globalThis', context) as Globals & Record<string, unknown>;
  addSharedMemory(world, globals);
  refuseChance(world, globals);
  globals.console = consoleOf(world);
  return context;
}

function addSharedMemory(world: World, globals: Globals & Record<string, unknown>): void {
  const buffers = new WeakMap<object, Buffer>();
  const methods = arrayMethods({ Array: globals.Array, unshared, window });
  globals.SharedArrayBuffer = construct(globals.SharedArrayBuffer, (make, [, options]) => {
    if (
      options !== undefined &&
      (options as { maxByteLength?: number }).maxByteLength !== undefined
    ) {
      throw world.refuse('a SharedArrayBuffer of one size', 'a growable one');
    }
    const buffer = make() as SharedArrayBuffer;
    const place = world.place(buffer.byteLength);
    if (!world.isRunning) world.memory.push({ buffer: place, native: buffer });
    buffers.set(buffer, place);
    return buffer;
  });
  const kinds = new Map<string, ElementKind>();
  for (const name of SHARED_KINDS) {
    const native = globals[name] as unknown as NativeConstructor;
    const kind = new ElementKind(name, native);
    kinds.set(name, kind);
    globals[name] = construct(native, (make, [memory]) => {
      const array = make() as NativeArray;
      const buffer = buffers.get(memory as object);
      if (buffer !== undefined) return sharedArray(world, { kind, native: array, buffer }, methods);
      world.hasPrivateArrays = true;
      return array;
    }) as never;
  }
  for (const name of OTHER_KINDS) {
    const native = globals[name] as unknown as NativeConstructor | undefined;
    if (native === undefined) continue;
    globals[name] = construct(native, (make, [memory]) => {
      if (buffers.has(memory as object)) {
        throw world.refuse(`shared memory as ${SHARED_KINDS.join(', ')}`, `a ${name} on it`);
      }
      world.hasPrivateArrays = true;
      return make();
    }) as never;
  }
  globals.Atomics = atomicsObject(world, globals.Atomics) as typeof Atomics;

  function unshared({ kind }: View, length: number): NativeArray {
    world.hasPrivateArrays = true;
    return new kind.native(length);
  }

  function window({ kind, native, buffer }: View, byteOffset: number, length: number): NativeArray {
    const array = new kind.native(native.buffer, byteOffset, length);
    return sharedArray(world, { kind, native: array, buffer }, methods);
  }
}

/** What the file prints while it is loaded is shown; threads, which run many times and in no order, print nothing. */
function consoleOf(world: World): never {
  const print = (...words: unknown[]): void => {
    if (!world.isRunning) process.stderr.write(`${words.map(String).join(' ')}\n`);
  };
  const silent = (): void => {};
  const names = [
    'trace',
    'table',
    'dir',
    'assert',
    'time',
    'timeEnd',
    'group',
    'groupEnd',
    'count',
  ];
  return {
    ...Object.fromEntries(names.map((name) => [name, silent])),
    ...Object.fromEntries(['log', 'info', 'warn', 'error', 'debug'].map((name) => [name, print])),
  } as never;
}
