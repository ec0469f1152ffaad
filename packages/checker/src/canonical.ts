// Values as text: results and outcomes are compared by it.

/** Equal for equal values, different for different ones. Throws a TypeError for what cannot be told apart. */
export const canonical = (value: unknown): string =>
  value === undefined ? 'undefined' : JSON.stringify(value, tagged);

/** What JSON has no word for, as an object with one key that begins with a dollar. */
function tagged(this: unknown, _key: string, value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: `${value}` };
  if (typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))) {
    return { $number: Object.is(value, -0) ? '-0' : `${value}` };
  }
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`expected a result that can be compared, got a ${typeof value}`);
  }
  if (value instanceof Map) return { $map: [...value] };
  if (value instanceof Set) return { $set: [...value] };
  if (value instanceof Error) return { $error: `${value.name}: ${value.message}` };
  return value;
}
