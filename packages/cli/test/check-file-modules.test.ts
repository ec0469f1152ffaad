import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { files, outcomeOf } from './check-file-program.ts';

const { path, program, put, verdict } = files();

/** The value of an expression in a file that begins with `head`. */
async function answerOf(head: string, expression: string, name = 'file.js'): Promise<unknown> {
  const text = `${head}\nexport const threads = { one: () => ${expression} };\nexport const observe = ({ one }) => one;\n`;
  return outcomeOf(await verdict(text, { name }));
}

describe('A file may import', () => {
  it('names, defaults, everything, and under other names', async () => {
    put(
      'lib.js',
      `export const a = 1;
export let b = 2, [c, { d = 4 }] = [3, {}];
export function e() { return 5; }
export class F { static f = 6; }
const g = 7;
export { g, g as 'a string', g as class };
export default 8
`,
    );
    expect(
      await answerOf(
        `import h, { a, b, c, d, e, F, g as i } from './lib.js';
import * as all from './lib.js';
import { 'a string' as j, class as k } from "./lib.js"`,
        '[a, b, c, d, e(), F.f, i, h, j, k, Object.keys(all).length]',
      ),
    ).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 7, 7, 10]);
  });

  it('what another file hands on', async () => {
    put('first.js', 'export const a = 1; export const b = 2; export default 3;\n');
    put(
      'second.js',
      "export * from './first.js';\nexport { b as c, default as d } from './first.js';\nexport * as e from './first.js';\nexport const b = 20;\n",
    );
    expect(
      await answerOf(
        "import * as all from './second.js';",
        '[all.a, all.b, all.c, all.d, all.e.b, all.default]',
      ),
    ).toEqual([1, 20, 2, 3, 2, null]);
  });

  it.each([
    ['a function', 'function () { return 1; }', 'value()'],
    ['a function with a name', 'function named() { return named.length + 1; }', 'value()'],
    ['an arrow', '() => 1', 'value()'],
    ['a class', 'class { static one = 1 }', 'value.one'],
    ['an object over lines', '{\n  one: 1,\n}', 'value.one'],
    ['an expression in parentheses', '(2, 1);', 'value'],
  ])('a default that is %s', async (_, text, expression) => {
    put('default.js', `export default ${text}\n;[0].length;\n`);
    expect(await answerOf("import value from './default.js';", expression)).toBe(1);
  });

  it('a binding that changes', async () => {
    put('live.js', 'export let count = 0;\nexport const next = () => ++count;\n');
    expect(
      await answerOf("import { count, next } from './live.js';", '[count, next(), count]'),
    ).toEqual([0, 1, 1]);
  });

  it('a file that imports it in turn', async () => {
    put(
      'even.js',
      "import { odd } from './odd.js';\nexport function even(n) { return n === 0 || odd(n - 1); }\n",
    );
    put(
      'odd.js',
      "import { even } from './even.js';\nexport const odd = (n) => n !== 0 && even(n - 1);\n",
    );
    expect(await answerOf("import { even } from './even.js';", '[even(4), even(5)]')).toEqual([
      true,
      false,
    ]);
  });

  it('TypeScript, by the name of what it becomes', async () => {
    put(
      'typed.ts',
      'export interface Node { readonly next: number }\nexport const of = <T extends Node>(node: T): number => node.next as number;\n',
    );
    expect(await answerOf("import { of } from './typed.js';", 'of({ next: 4 })')).toBe(4);
    expect(
      await answerOf(
        "import { of, type Node } from './typed.ts';\nconst node: Node = { next: 5 };",
        'of(node)',
        'file.ts',
      ),
    ).toBe(5);
    expect(await answerOf("import { of } from './typed';", 'of({ next: 6 })', 'file.mjs')).toBe(6);
  });

  it('a package, and one of the modules of Node that do no harm', async () => {
    mkdirSync(join(path, 'node_modules/some-ring'), { recursive: true });
    put('node_modules/some-ring/package.json', '{ "exports": "./ring.js" }');
    put('node_modules/some-ring/ring.js', 'export const slots = 2;\n');
    const head = "import { slots } from 'some-ring';\nimport { equal } from 'node:assert/strict';";
    expect(await answerOf(head, '[slots, equal(slots, 2)]')).toEqual([2, null]);
  });

  it('assertions, whose failure is a violation', async () => {
    const { violation } = await verdict(
      "import assert from 'node:assert';\nconst word = new Int32Array(new SharedArrayBuffer(4));\nexport const threads = { one() { assert.equal(word[0], 0); assert.equal(1, 2, 'one is two'); } };",
    );
    expect(violation).toMatchObject({
      fault: 'threw',
      property: 'one: AssertionError: one is two',
    });
  });
});

describe('A file is what it is in Node', () => {
  it('strict, without this', async () => {
    expect(
      await answerOf(
        'const self = this;',
        '[self === undefined, (() => { try { undeclared = 1; } catch (error) { return error.name; } })()]',
      ),
    ).toEqual([true, 'ReferenceError']);
  });

  it('knows where it lies', async () => {
    const value = await answerOf('', '[import.meta.url, import.meta.filename, typeof process]');
    expect(value).toEqual([
      expect.stringMatching(/^file:\/\/.*\/file\.js$/),
      expect.stringMatching(/^\/.*\/file\.js$/),
      'undefined',
    ]);
  });

  it('may have a line for the shell, and names that the checker uses', async () => {
    expect(
      await answerOf(
        '#!/usr/bin/env node\nconst __scope = 1, threadsOf = 2, Graph = 3;',
        '[__scope, threadsOf, Graph]',
      ),
    ).toEqual([1, 2, 3]);
  });

  it('may end in a comment', async () => {
    expect((await verdict('export const threads = { one() {} }; // the end')).verdict).toBe(
      'holds',
    );
  });
});

describe("The lines of the user's own files", () => {
  const TYPED = `type Value = number;

const word = new Int32Array(new SharedArrayBuffer(4));

interface Lock {
  acquire(): void;
}

export const threads = {
  left(): void {
    for (let turn: Value = 0; turn < 1; turn++) {
      const old: Value = word[0] as Value;
      word[0] = old + 1;
    }
  },
  right: (): Value => Atomics.add(word, 0, 1),
};
`;

  it('stand in the execution, types or not', async () => {
    const { violation } = check(await program(TYPED, 'typed.ts'));
    expect(violation?.fault).toBe('data race');
    const sites = violation?.execution?.standing.flatMap(({ site }) => site?.slice(0, 1) ?? []);
    expect(sites).toEqual([
      { function: 'left', file: expect.stringMatching(/\/typed\.ts$/), line: 12 },
      { function: 'right', file: expect.stringMatching(/\/typed\.ts$/), line: 16 },
    ]);
  });
});
