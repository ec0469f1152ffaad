// What the words of shared memory are called: as the file's `words` says, else as its variables and constants do.
import type { NamedWord } from '@faultline/checker';
import type { Element, NativeArray } from './element-kind.ts';
import type { Instance } from './graph.ts';
import { type IndexNames, indexNames } from './index-names.ts';
import { addressOf, type View, viewOf } from './shared-array.ts';
import type { Buffer } from './world.ts';

/** Elements of one array that get a name. */
const MOST_ELEMENTS = 4096;
/** How far an array may lie inside objects. */
const MOST_STEPS = 4;

interface NamedArray {
  readonly name: string;
  readonly view: View;
  readonly indices: ReadonlyMap<number, string>;
}

/** A word that the file named itself. */
export interface ChosenWord {
  readonly name: string;
  readonly array: NativeArray;
  readonly index: number;
  readonly format?: ((value: Element) => unknown) | undefined;
}

export function namedWords(
  instances: readonly Instance[],
  buffers: readonly Buffer[],
  chosen: readonly ChosenWord[],
): NamedWord[] {
  const words = new Map<number, NamedWord>();
  const add = (word: NamedWord): void => {
    if (!words.has(word.address)) words.set(word.address, word);
  };
  for (const { name, array, index, format } of chosen) {
    const view = viewOf(array);
    if (view !== undefined) add(wordOf(view, index, name, format));
  }
  const arrays = instances.flatMap(arraysOf);
  // Of two windows on a word, the narrower one was made for it.
  arrays.sort((a, b) => a.view.native.length - b.view.native.length);
  for (const { name, view, indices } of arrays) {
    for (let index = 0; index < Math.min(view.native.length, MOST_ELEMENTS); index++) {
      add(wordOf(view, index, nameOf(name, index, view, indices)));
    }
  }
  for (const [number, { base, bytes }] of buffers.entries()) {
    const name = buffers.length === 1 ? 'shared' : `shared${number}`;
    for (let index = 0; index < Math.min(bytes >> 2, MOST_ELEMENTS); index++) {
      if (!words.has(base + 4 * index - 4) || words.get(base + 4 * index - 4)?.bytes !== 8) {
        add({ name: `${name}[${index}]`, address: base + 4 * index });
      }
    }
  }
  return [...words.values()].sort((a, b) => a.address - b.address);
}

/** `state[HEAD]`, `slots[3]`; `turn` for an array of one. */
function nameOf(
  array: string,
  index: number,
  { native }: View,
  indices: ReadonlyMap<number, string>,
): string {
  if (native.length === 1) return array;
  return `${array}[${indices.get(index) ?? index}]`;
}

function wordOf(view: View, index: number, name: string, format?: ChosenWord['format']): NamedWord {
  const { kind } = view;
  return {
    name,
    address: addressOf(view, index),
    bytes: kind.bytes,
    format: (low, high) => {
      const value = kind.decode({ low, high });
      return String(format === undefined ? value : format(value));
    },
  };
}

/** The arrays that a file's variables lead to, by way of objects too: `ring.slots`. */
function arraysOf({ source, bindings }: Instance): NamedArray[] {
  const found: NamedArray[] = [];
  const known = indexNames(source.tree);
  const seen = new Set<object>();
  const visit = (name: string, value: unknown, steps: number): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    const view = viewOf(value);
    if (view !== undefined) {
      found.push({ name, view, indices: indicesOf(name, known, bindings) });
    } else if (steps > 0 && !ArrayBuffer.isView(value)) {
      for (const [key, inner] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
        const path = Array.isArray(value) ? `${name}[${key}]` : `${name}.${key}`;
        if ('value' in inner) visit(path, inner.value, steps - 1);
      }
    }
  };
  for (const [name, get] of Object.entries(bindings)) visit(name, get(), MOST_STEPS);
  return found;
}

/** Constants that the code indexes an array of this name with, where a number has but one. */
function indicesOf(
  path: string,
  known: IndexNames,
  bindings: Instance['bindings'],
): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const twice = new Set<number>();
  const array = path.slice(path.lastIndexOf('.') + 1);
  for (const name of known.get(array) ?? []) {
    const value = bindings[name]?.();
    if (typeof value !== 'number') continue;
    if (names.has(value)) twice.add(value);
    names.set(value, name);
  }
  for (const value of twice) names.delete(value);
  return names;
}
