// A module loader's hook (of Node's own hook thread): one built file is loaded with another text.
import { register } from 'node:module';

/** Of a file, instead of what it holds. */
export interface Replaced {
  readonly url: string;
  readonly text: string;
}

let replaced: Replaced | undefined;

/** From now on `import()` in the calling thread finds the other text. */
export const replaceFile = (data: Replaced): void => register(import.meta.url, { data });

/** Called by Node with what `register` was given. */
export function initialize(data: Replaced): void {
  replaced = data;
}

/** Called by Node for each file. */
export function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => unknown,
): unknown {
  if (url !== replaced?.url) return next(url, context);
  return { format: 'module', source: replaced.text, shortCircuit: true };
}
