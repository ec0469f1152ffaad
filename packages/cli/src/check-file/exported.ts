// What a file must export to be checked, and what it may: read here, and held to it.
import { complaint } from './complaint.ts';
import type { NativeArray } from './element-kind.ts';
import type { ChosenWord } from './names.ts';
import { viewOf } from './shared-array.ts';

export type Thunk = (...args: unknown[]) => unknown;
type Thunks = Readonly<Record<string, Thunk>>;

export interface Exported {
  readonly threads: Thunks;
  readonly always: Thunks;
  readonly sometimes: Thunks;
  readonly finally: Thunks;
  readonly observe: Thunk | undefined;
  readonly words: readonly ChosenWord[];
  readonly idle: readonly string[];
  readonly symmetric: readonly (readonly string[])[];
  readonly dataRaces: 'error' | 'ignored';
  readonly oops: string | undefined;
}

const KINDS = ['always', 'sometimes', 'finally'] as const;
const EXAMPLE = 'export const threads = { writer() {...}, reader() {...} }';

export function readExports(path: string, exports: Readonly<Record<string, unknown>>): Exported {
  for (const kind of KINDS) {
    if (kind in exports) {
      throw complaint(
        path,
        `${kind} inside \`export const properties = { ${kind}: {...} }\``,
        `an export ${kind}`,
      );
    }
  }
  const { threads, properties = {}, observe, oops } = exports;
  if (threads === undefined) {
    const names = Object.keys(exports);
    throw complaint(
      path,
      EXAMPLE,
      names.length === 0 ? 'no exports' : `exports ${names.join(', ')}`,
    );
  }
  const names = Object.keys(functions(path, 'threads', threads));
  if (names.length === 0) throw complaint(path, EXAMPLE, 'no threads');
  const groups = record(path, 'properties', properties);
  for (const kind of Object.keys(groups)) {
    if (!KINDS.includes(kind as never)) {
      throw complaint(path, `properties of the kinds ${KINDS.join(', ')}`, `properties.${kind}`);
    }
  }
  const [always, sometimes, atEnd] = KINDS.map((kind) =>
    functions(path, `properties.${kind}`, groups[kind] ?? {}),
  );
  if (observe !== undefined && typeof observe !== 'function') {
    throw complaint(path, 'observe to be a function', typeof observe);
  }
  return {
    threads: functions(path, 'threads', threads),
    always: always ?? {},
    sometimes: sometimes ?? {},
    finally: atEnd ?? {},
    observe: observe as Thunk | undefined,
    words: wordsOf(path, exports.words),
    idle: listOf(path, 'idle', exports.idle, names),
    symmetric: groupsOf(path, exports.symmetric, functions(path, 'threads', threads)),
    dataRaces: dataRacesOf(path, exports.dataRaces),
    oops: oops === undefined ? undefined : String(oops),
  };
}

function record(path: string, name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null)
    return value as Readonly<Record<string, unknown>>;
  throw complaint(path, `${name} to be an object of functions by name`, typeof value);
}

function functions(path: string, name: string, value: unknown): Thunks {
  const found = record(path, name, value);
  for (const [key, entry] of Object.entries(found)) {
    if (typeof entry !== 'function') {
      throw complaint(
        path,
        `${name}['${key}'] to be a function`,
        entry === null ? 'null' : typeof entry,
      );
    }
    const kind = Object.prototype.toString.call(entry).slice('[object '.length, -1);
    if (kind !== 'Function') {
      throw complaint(path, `${name}['${key}'] to return when its work is done`, `an ${kind}`);
    }
  }
  return found as Thunks;
}

/** `{ head: [state, HEAD], spte: [table, 0, (value) => ...] }` */
function wordsOf(path: string, words: unknown): ChosenWord[] {
  if (words === undefined) return [];
  return Object.entries(record(path, 'words', words)).map(([name, entry]) => {
    const [array, index, format] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const view = viewOf(array);
    if (
      view === undefined ||
      typeof index !== 'number' ||
      !(index >= 0 && index < view.native.length)
    ) {
      throw complaint(
        path,
        `words['${name}'] to be [shared array, index], or [shared array, index, format]`,
        String(entry),
      );
    }
    return { name, array: array as NativeArray, index, format: format as ChosenWord['format'] };
  });
}

function listOf(path: string, name: string, value: unknown, threads: readonly string[]): string[] {
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value.map(String) : [String(value)];
  const stranger = list.find((entry) => !threads.includes(entry));
  if (stranger === undefined) return list;
  throw complaint(path, `${name} to name some of the threads ${threads.join(', ')}`, stranger);
}

function groupsOf(path: string, value: unknown, threads: Thunks): string[][] {
  if (value === undefined) return [];
  const groups =
    Array.isArray(value) && value.every(Array.isArray) ? (value as unknown[][]) : [value];
  return groups.map((group) => {
    const names = listOf(path, 'symmetric', group, Object.keys(threads));
    const other = names.find((name) => threads[name] !== threads[names[0] as string]);
    if (other === undefined) return names;
    throw complaint(path, 'symmetric threads to be one function', `another function for ${other}`);
  });
}

function dataRacesOf(path: string, value: unknown): 'error' | 'ignored' {
  if (value === undefined || value === 'error') return 'error';
  if (value === 'ignored') return 'ignored';
  throw complaint(path, "dataRaces to be 'error' or 'ignored'", String(value));
}
