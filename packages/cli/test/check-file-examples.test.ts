// The files of examples/check, each with what its header says of it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { drawText } from '../../checker/src/draw/draw-text.ts';
import { loadProgram } from '../src/check-file/load-program.ts';

const FOLDER = join(import.meta.dirname, '../../../examples/check');
const program = (file: string) => loadProgram(join(FOLDER, file));

const HOLD = [
  'queue-wait-repaired.js',
  'ring.js',
  'seqlock.js',
  'ticket-lock.js',
  'treiber-stack-tagged.ts',
];
/** File, kind of fault, property or the sentence in its place. */
const BROKEN: readonly (readonly [file: string, fault: string, property: string])[] = [
  ['queue-wait.js', 'lost wakeup', 'consumer sleeps on: its wakeup came before it slept'],
  [
    'ring-index-first.js',
    'data race',
    'producer and consumer meet at the same bytes, not both atomically',
  ],
  [
    'seqlock-plain.js',
    'data race',
    'writer and reader meet at the same bytes, not both atomically',
  ],
  ['treiber-stack.js', 'finally', 'a node has one owner'],
];
/** Imported by others. */
const LIBRARIES = ['mutex.js'];

describe('Examples', () => {
  it('are all listed here, and say how to check them', () => {
    const files = readdirSync(FOLDER).filter((file) => !LIBRARIES.includes(file));
    expect(files.sort()).toEqual([...HOLD, ...BROKEN.map(([file]) => file)].sort());
    for (const file of files) {
      const [head = ''] = readFileSync(join(FOLDER, file), 'utf8').split('\n\n');
      expect(head).toContain(`//     faultline check examples/check/${file}\n`);
      expect(head).toMatch(BROKEN.some(([broken]) => broken === file) ? /Broken/ : /[Hh]olds?\b/);
    }
  });

  it.each(HOLD)('%s holds', async (file) => {
    expect(check(await program(file))).toMatchObject({ verdict: 'holds' });
  });

  it.each(BROKEN)('%s is broken: %s', async (file, fault, property) => {
    expect(check(await program(file))).toMatchObject({
      verdict: 'violated',
      violation: { fault, property },
    });
  });
});

describe('What the examples show', () => {
  it('is drawn with names and lines of the file', async () => {
    const { violation } = check(await program('treiber-stack.js'));
    if (violation === undefined) throw new Error('expected a violation');
    const text = drawText(violation);
    expect(text).toContain('At the beginning: next[0] = 1, top = 0');
    expect(text).toMatch(/9 cmpxchg +top: 0 -> 1/);
    expect(text).toMatch(/succeeds, ABA/);
    expect(text).toContain('A node that somebody took is on the stack again.');
    // As the lines stand in the file: the load of the top, that of the next node, and the exchange.
    expect(text).toContain(' 1 pop (check/treiber-stack.js:23, 25)');
    expect(text).toContain(' 9 pop (check/treiber-stack.js:26)');
    expect(text).not.toMatch(/0x|check-file/);
  });

  it('goes through the files that it imports', async () => {
    const { violation } = check(await program('queue-wait.js'));
    const last = violation?.execution?.standing.find(({ state }) => state === 'blocked');
    expect(last).toMatchObject({
      name: 'state[BELL]',
      site: [{ function: 'sleep', line: 36 }, {}, {}],
    });
    const lock = violation?.execution?.steps[0];
    expect(lock?.found?.name).toBe('state[MUTEX]');
    expect(
      lock?.site.map(
        ({ function: name, file, line }) => `${name} ${file.split('/').pop()}:${line}`,
      ),
    ).toEqual(['lock mutex.js:7', 'put queue-wait.js:17', 'producer queue-wait.js:42']);
  });

  it('is a value that nobody sent, where races are no error', async () => {
    const { violation } = check({
      ...(await program('ring-index-first.js')),
      dataRaces: 'ignored',
    });
    expect(violation).toMatchObject({ fault: 'finally', property: 'what is received was sent' });
  });

  it('is every pair that the reader of a seqlock may see', async () => {
    const { outcomes } = check(await program('seqlock.js'));
    expect(outcomes).toEqual(['"0 0"', '"1 1"', '"2 2"']);
  });
});
