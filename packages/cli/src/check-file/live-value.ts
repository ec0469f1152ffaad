// The value of a variable as text, equal for equal values: what a turn of a loop hands to the next.
import { isMap, isSet, isTypedArray } from 'node:util/types';
import { addressOf, viewOf } from './shared-array.ts';

const MOST_OBJECTS = 64;
const MOST_ELEMENTS = 1024;

/** Undefined if one of them holds something whose state cannot be seen whole, as a function's or a class's can not. */
export function sayAll(values: readonly unknown[]): string | undefined {
  const said = new Set<object>();
  const texts: string[] = [];
  for (const value of values) {
    const text = say(value, said);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts.join();
}

/** The object itself if its methods are built in and change it. */
export const collection = (value: unknown): unknown =>
  Array.isArray(value) || isMap(value) || isSet(value) || isTypedArray(value) ? value : undefined;

function say(value: unknown, said: Set<object>): string | undefined {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : sayObject(value, said);
    default:
      return undefined;
  }
}

/** An object met twice may be changed by way of either: too fine a point. */
function sayObject(object: object, said: Set<object>): string | undefined {
  const view = viewOf(object);
  if (view !== undefined) return `@${addressOf(view, 0)}+${view.native.length}`; // its elements are shared, not handed on
  if (said.has(object) || said.size > MOST_OBJECTS) return undefined;
  said.add(object);
  if (isMap(object)) return sayList('Map', [...object].flat(), said);
  if (isSet(object)) return sayList('Set', [...object], said);
  if (isTypedArray(object)) return sayList('Array', [...object], said);
  const isPlain =
    Array.isArray(object) ||
    Object.getPrototypeOf(Object.getPrototypeOf(object) ?? object) === null;
  return isPlain ? sayProperties(object, said) : undefined;
}

function sayProperties(object: object, said: Set<object>): string | undefined {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(object));
  const values: unknown[] = [];
  for (const [key, property] of properties) {
    if (!('value' in property)) return undefined;
    values.push(key, property.value);
  }
  return sayList(Array.isArray(object) ? 'Array' : 'Object', values, said);
}

function sayList(kind: string, values: readonly unknown[], said: Set<object>): string | undefined {
  if (values.length > MOST_ELEMENTS) return undefined;
  const texts: string[] = [];
  for (const value of values) {
    const text = say(value, said);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return `${kind}(${texts.join()})`;
}
