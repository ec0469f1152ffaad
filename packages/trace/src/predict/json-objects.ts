// JSON as monitors give it: an object, an array of them, one to a line, or one after the other over several lines (virsh's --pretty,
// QEMU's pretty=on); each bare or as the "return" of a reply.

export type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined: the text does not begin as JSON. Throws a SyntaxError, with the line, for what does and is none. */
export function jsonObjects(text: string): JsonObject[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  return valuesOf(text).map((value) => {
    const { return: reply } = value;
    return isObject(reply) ? reply : value;
  });
}

function valuesOf(text: string): JsonObject[] {
  try {
    return [JSON.parse(text)].flat().filter(isObject);
  } catch (error) {
    if (SPREAD.test(text)) return text.split(SPREAD).map(spreadObject);
    const lines = text.split('\n');
    // Not one object to a line, then: the whole is damaged, and says where.
    if (!/^\s*\{.*\}\s*$/.test(lines[0] ?? '')) throw error;
    return lines.flatMap((line, i) => (line.trim() === '' ? [] : [objectOf(line, i + 1)]));
  }
}

/** Between the end of one that takes several lines and the begin of the next. */
const SPREAD = /(?<=^\}\s*\n)(?=\{\s*$)/m;

function spreadObject(text: string, i: number): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch (error) {
    throw new SyntaxError(`object ${i + 1}, which is no JSON`, { cause: error });
  }
}

function objectOf(line: string, number: number): JsonObject {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch {
    // Said below, with its line.
  }
  throw new SyntaxError(`line ${number}, which is no JSON object`);
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined where it is not there; throws a SyntaxError where it is no number from 0. */
export function numberAt(object: JsonObject, field: string): number | undefined {
  const value = object[field];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 0) return value;
  throw new SyntaxError(`${field}: ${JSON.stringify(value)}, which is no number from 0`);
}
