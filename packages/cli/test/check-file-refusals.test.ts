import { describe, expect, it } from 'vitest';
import { files } from './check-file-program.ts';

const { program, put, refusal } = files();

const THREADS = 'export const threads = { one() {} };\n';
const MEMORY = 'const memory = new SharedArrayBuffer(16);\nconst words = new Int32Array(memory);\n';
/** Line 3 is the thread's. */
const thread = (code: string): string => `${MEMORY}export const threads = { one() { ${code} } };\n`;
const SAME = 'expected code that does the same whenever it is run, got';

describe('A file is refused, and told where and why,', () => {
  const FILES: Record<string, readonly [text: string, message: string]> = {
    'if it has no threads': [
      'export const main = () => {};',
      'file.js: expected export const threads = { writer() {...}, reader() {...} }, got exports main',
    ],
    'if it exports nothing': [
      'const threads = {};',
      'file.js: expected export const threads = { writer() {...}, reader() {...} }, got no exports',
    ],
    'if no thread is among its threads': [
      'export const threads = {};',
      'file.js: expected export const threads = { writer() {...}, reader() {...} }, got no threads',
    ],
    'if a thread is no function': [
      'export const threads = { one: 1 };',
      "file.js: expected threads['one'] to be a function, got number",
    ],
    'if a thread is async': [
      'export const threads = { async one() {} };',
      "file.js: expected threads['one'] to return when its work is done, got an AsyncFunction",
    ],
    'if a thread is a generator': [
      'export const threads = { *one() {} };',
      "file.js: expected threads['one'] to return when its work is done, got an GeneratorFunction",
    ],
    'if a thread returns a promise': [
      'export const threads = { one: () => Promise.resolve() };',
      'threads: expected functions that return when their work is done, got one that returns a promise',
    ],
    'if properties stand outside `properties`': [
      `${THREADS}export const always = {};`,
      'file.js: expected always inside `export const properties = { always: {...} }`, got an export always',
    ],
    'if properties are of an unknown kind': [
      `${THREADS}export const properties = { never: {} };`,
      'file.js: expected properties of the kinds always, sometimes, finally, got properties.never',
    ],
    'if a property writes': [
      `${MEMORY}${THREADS}export const properties = { always: { ok: () => Atomics.add(words, 0, 1) === 0 } };`,
      'file.js:4: expected a property that only reads, got a add',
    ],
    'if idle names a stranger': [
      `${THREADS}export const idle = ['two'];`,
      'file.js: expected idle to name some of the threads one, got two',
    ],
    'if symmetric threads differ': [
      "export const threads = { one() {}, two() {} };\nexport const symmetric = ['one', 'two'];",
      'file.js: expected symmetric threads to be one function, got another function for two',
    ],
    'if a word is named that is not shared': [
      `${THREADS}export const words = { one: [new Int32Array(1), 0] };`,
      "file.js: expected words['one'] to be [shared array, index], or [shared array, index, format], got 0,0",
    ],
    'if it is no JavaScript': [
      'const a = ;',
      'file.js:1: expected a JavaScript module, got Unexpected token',
    ],
    'if it throws': [
      `\nthrow new TypeError('oh');\n${THREADS}`,
      'file.js:2: expected a file that can be evaluated, got TypeError: oh',
    ],
    'if it awaits': [
      `await 0;\n${THREADS}`,
      'file.js:1: expected a file that is ready when it has run, got await at its top level',
    ],
    'if it imports what starts workers': [
      `import { Worker } from 'node:worker_threads';\n${THREADS}`,
      'file.js:1: expected a file, a package, or one of node:assert, node:assert/strict, node:util, got ' +
        'node:worker_threads; usual cause: the code that starts the workers: put what they share into a file of its own',
    ],
    'if an import is not there': [
      `\nimport './none.js';\n${THREADS}`,
      'file.js:2: expected a file to import, got ./none.js',
    ],
    'if a package is not there': [
      `import 'no-such-package';\n${THREADS}`,
      'file.js:1: expected a package that is installed, got no-such-package',
    ],
    'if it imports later': [
      `${THREADS}export const later = () => import('./none.js');`,
      'file.js:2: expected import declarations, got import(), which answers later',
    ],
    'if it waits while it is evaluated': [
      `${MEMORY}Atomics.wait(words, 0, 0);\n${THREADS}`,
      'file.js:3: expected Atomics.wait in a thread, got Atomics.wait while the file is evaluated',
    ],
    'if its buffers can grow': [
      `new SharedArrayBuffer(8, { maxByteLength: 16 });\n${THREADS}`,
      'file.js:1: expected a SharedArrayBuffer of one size, got a growable one',
    ],
    'if it shares bytes': [
      `new Uint8Array(new SharedArrayBuffer(8));\n${THREADS}`,
      'file.js:1: expected shared memory as Int32Array, Uint32Array, BigInt64Array, BigUint64Array, got a Uint8Array on it',
    ],
    'if it shares a DataView': [
      `new DataView(new SharedArrayBuffer(8));\n${THREADS}`,
      'file.js:1: expected shared memory as Int32Array, Uint32Array, BigInt64Array, BigUint64Array, got a DataView on it',
    ],
    'if it shares floating point': [
      `new Float64Array(new SharedArrayBuffer(8));\n${THREADS}`,
      'file.js:1: expected shared memory as Int32Array, Uint32Array, BigInt64Array, BigUint64Array, got a Float64Array on it',
    ],
    'if it shares WebAssembly memory': [
      `new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });\n${THREADS}`,
      'file.js:1: expected shared memory as a SharedArrayBuffer, got a shared WebAssembly.Memory',
    ],
  };
  for (const [when, [text, message]] of Object.entries(FILES)) {
    it(when, async () => {
      expect(await refusal(text)).toBe(message);
    });
  }
});

describe('A thread is refused, and told in which line,', () => {
  const CODE: Record<string, readonly [code: string, message: string]> = {
    'if it asks for the time': ['Date.now();', `${SAME} the time of day`],
    'if it makes a date of now': ['new Date();', `${SAME} the time of day`],
    'if it measures': ['performance.now();', `${SAME} performance.now`],
    'if it throws dice': ['Math.random();', `${SAME} Math.random`],
    'if it draws random bytes': [
      'crypto.getRandomValues(new Uint8Array(1));',
      `${SAME} crypto.getRandomValues`,
    ],
    'if it sets a timer': [
      'setTimeout(() => {});',
      'expected work that is done when the function returns, got setTimeout',
    ],
    'if it starts a worker': [
      "new Worker('a.js');",
      'expected threads exported as functions, got new Worker',
    ],
    'if it waits without blocking': [
      'Atomics.waitAsync(words, 0, 0);',
      'expected Atomics.wait, got Atomics.waitAsync, whose answer comes when the thread has returned',
    ],
    'if it waits on a long': [
      'Atomics.wait(new BigInt64Array(memory), 0, 0n);',
      'expected an Int32Array to wait on, got a BigInt64Array',
    ],
    'if it makes shared memory': [
      'new SharedArrayBuffer(8);',
      'expected shared memory to be made at the top level of the file, got a SharedArrayBuffer made by a thread: ' +
        'no other thread could reach it',
    ],
    'if it uses a method that is not there': [
      'words.toLocaleString();',
      'expected a method that shared Int32Arrays have here, got Int32Array.prototype.toLocaleString',
    ],
    'if it turns for ever': [
      'for (;;) {}',
      'expected a loop that ends, or reads shared memory on its way, got 5,000,000 turns without',
    ],
  };
  for (const [when, [code, message]] of Object.entries(CODE)) {
    it(when, async () => {
      expect(await refusal(thread(code))).toBe(`file.js:3: ${message}`);
    });
  }

  it('even if it catches what it is told', async () => {
    expect(await refusal(thread('try { Date.now(); } catch {}'))).toBe(
      `file.js:3: ${SAME} the time of day`,
    );
  });

  it('not if a date is made of a number', async () => {
    expect(await refusal(thread('new Date(0).getTime();'))).toBe('no refusal');
  });
});

describe('TypeScript', () => {
  it('is refused where its types cannot be erased', async () => {
    expect(await refusal(`\nenum State { Free }\n${THREADS}`, 'file.ts')).toBe(
      'file.ts:2: expected TypeScript whose types can be erased, got TypeScript enum is not supported in strip-only mode',
    );
  });

  it('is refused with the line where it is none', async () => {
    expect(await refusal('const a: number = ;', 'file.ts')).toBe(
      'file.ts:1: expected TypeScript whose types can be erased, got Expression expected',
    );
  });

  it('must say which imports are types', async () => {
    put('node.ts', 'export type Node = number;\nexport const NONE: Node = -1;\n');
    expect(await refusal(`import { Node, NONE } from './node.ts';\n${THREADS}`, 'file.ts')).toBe(
      'file.ts:1: expected ./node.ts to export one of NONE, got Node; usual cause: a type imported without `type`',
    );
  });
});

it('A file that is not there is named', async () => {
  const { loadProgram } = await import('../src/check-file/load-program.ts');
  await expect(loadProgram('/none/here.js')).rejects.toThrow(
    "/none/here.js: expected a file that can be read, got ENOENT: no such file or directory, open '/none/here.js'",
  );
});

it('An error of the code itself is a violation, not a refusal', async () => {
  const { check } = await import('@faultline/checker');
  const { violation } = check(await program(thread("words[0] = 1; throw new RangeError('mine');")));
  expect(violation).toMatchObject({ fault: 'threw', property: 'one: RangeError: mine' });
});
