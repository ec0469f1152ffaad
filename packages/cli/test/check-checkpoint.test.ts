// A search in several sittings, and the file between them.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { checkWithCheckpoint } from '../src/check/checkpoint.ts';
import { checkInStages } from '../src/check/stages.ts';
import { settings, subjectOf } from './check-programs.ts';
import { faultline, type Said, scratch } from './command.ts';

const files = scratch();
const file = (name: string): string => join(files.path, name);
const check = (name: string, checkpoint: string, ...words: string[]): Promise<Said> =>
  faultline('check', name, '--search', 'dpor', '--checkpoint', checkpoint, ...words);

/** Runs the command until it does not end with the budget. */
async function sittings(name: string, checkpoint: string, ...words: string[]): Promise<Said[]> {
  const said = [await check(name, checkpoint, ...words)];
  while (said.at(-1)?.code === 4) said.push(await check(name, checkpoint, ...words));
  return said;
}

const certificateOf = ({ out }: Said): unknown => JSON.parse(out).certificate;

describe('a search in several sittings', () => {
  const kept = file('mutex-3.json');

  it('ends with what it finds in one, and removes its file', async () => {
    const words = ['--budget', '300-executions', '--json'];
    const said = await sittings('mutex-3', kept, ...words);
    const whole = await faultline('check', 'mutex-3', '--search', 'dpor', '--json');
    expect(said.length).toBeGreaterThan(3);
    const last = said.at(-1) as Said;
    expect(last.code).toBe(0);
    const { executions, certificate } = JSON.parse(whole.out);
    expect(JSON.parse(last.out)).toMatchObject({ verdict: 'holds', executions, certificate });
    expect(existsSync(kept)).toBe(false);
  });

  it('says where it stopped, in the words that it was given', async () => {
    const { code, out } = await check('mutex-3', kept, '--budget', '100-executions');
    expect(code).toBe(4);
    expect(out).toContain('(the budget ended: 100-executions)');
    expect(out.replaceAll('\n', ' ')).toContain(
      `${kept} has where it stopped: the same command goes on from there.`,
    );
    expect(readdirSync(files.path)).toEqual(['mutex-3.json']);
  });

  it('may be of a file', async () => {
    const program = files.put(
      'adders.js',
      `const x = new Int32Array(new SharedArrayBuffer(4));
      const add = (one) => { Atomics.add(x, 0, one); return Atomics.add(x, 0, one); };
      export const threads = { a: () => add(1), b: () => add(10), c: () => add(100) };`,
    );
    const said = await sittings(program, file('adders'), '--budget', '25-executions', '--json');
    const whole = await faultline('check', program, '--search', 'dpor', '--json');
    expect([said.length > 2, certificateOf(said.at(-1) as Said)]).toEqual([
      true,
      certificateOf(whole),
    ]);
  });

  it('finds a violation, and removes its file', async () => {
    const name = 'rwlock-reader-looks-first';
    const said = await sittings(name, file('race'), '--budget', '100-executions');
    expect([said.length > 1, said.at(-1)?.code]).toEqual([true, 1]);
    expect(said.at(-1)?.out).toContain('OOPS!!!');
    expect(existsSync(file('race'))).toBe(false);
  });

  it('ends with a loop that never does, in whichever sitting that is met', async () => {
    const program = files.put(
      'spins.js',
      `const x = new Int32Array(new SharedArrayBuffer(8));
      const add = () => { Atomics.add(x, 0, 1); Atomics.add(x, 0, 1); };
      const last = () => { if (Atomics.load(x, 0) === 0) for (let n = 0; ; n++) Atomics.store(x, 1, n); };
      export const threads = { a: () => add(), b: () => add(), last };`,
    );
    const budget = ['--budget', '5-executions', '--budget', '50-operations'];
    const first = await check(program, file('spins'), ...budget);
    expect(first.out).toContain('(the budget ended: 5-executions)');
    const rest = ['--budget', '50-operations'];
    const { code, out } = await check(program, file('spins'), ...rest);
    expect(code).toBe(4);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('(the budget ended: unbounded loop at ');
  });

  it('is kept now and then on the way', () => {
    const often = file('often');
    let wasThere = false;
    const add = (mem: Shared): void => {
      for (let step = 0; step < 3; step++) mem.add32(0, 1);
    };
    const look = (mem: Shared): boolean => {
      wasThere ||= existsSync(often);
      const until = performance.now() + 0.02;
      while (performance.now() < until);
      return mem.load32(0) <= 9;
    };
    const program: Program = {
      name: 'slow',
      threads: { a: add, b: add, c: add },
      always: { 'nine at most': look },
    };
    const own = settings({ search: 'dpor' });
    const options = { file: often, version: '1', msBetweenSaves: 50 };
    const { verdict } = checkWithCheckpoint(subjectOf(program), own, options, () => {});
    const { certificate } = checkInStages(program, own).verdict;
    expect([verdict.verdict, verdict.certificate, wasThere]).toEqual(['holds', certificate, true]);
  });
});

describe('a checkpoint that cannot be gone on from', () => {
  const kept = file('refused.json');
  const stop = () => check('mutex-3', kept, '--budget', '50-executions');
  const refusal = async (name = 'mutex-3', ...words: string[]): Promise<string> => {
    const { code, out, err } = await check(name, kept, ...words);
    expect([code, out]).toEqual([3, '']);
    return err.replaceAll(`${files.path}/`, '');
  };
  const anew = 'delete it to begin anew\n';

  it('is one of another program', async () => {
    await stop();
    expect(await refusal('mutex-2')).toBe(
      `faultline: refused.json: expected a checkpoint of mutex-2, got one of mutex-3; ${anew}`,
    );
  });

  it('is one of a search with other claims', async () => {
    expect(await refusal('mutex-3', '--no-merge')).toBe(
      `faultline: refused.json: expected a checkpoint of a search with --no-merge, got one without --no-merge; ${anew}`,
    );
  });

  it('is one of another version of faultline', async () => {
    const text = readFileSync(kept, 'utf8');
    writeFileSync(kept, text.replace('"faultline":"1.2.3"', '"faultline":"0.9.0"'));
    expect(await refusal()).toBe(
      `faultline: refused.json: expected a checkpoint of faultline 1.2.3, got one of faultline 0.9.0; ${anew}`,
    );
    writeFileSync(kept, text);
  });

  it('is one of the program as it was', async () => {
    const program = (one: number): string =>
      files.put(
        'changes.js',
        `const x = new Int32Array(new SharedArrayBuffer(4));
        const add = () => { Atomics.add(x, 0, 1); Atomics.add(x, 0, ${one}); };
        export const threads = { a: () => add(), b: () => add(), c: () => add() };`,
      );
    const changed = file('changes.json');
    expect((await check(program(1), changed, '--budget', '3-executions')).code).toBe(4);
    const { code, err } = await check(program(2), changed);
    expect([code, err]).toEqual([
      3,
      `faultline: ${changed}: expected a checkpoint of changes.js as it is, got one of another version of it; ${anew}`,
    ]);
  });

  it('is damaged', async () => {
    const text = readFileSync(kept, 'utf8');
    writeFileSync(kept, text.replace(/"position":\[\[(\d),/, '"position":[[9$1,'));
    expect(await refusal()).toBe(
      `faultline: refused.json: expected a whole checkpoint, got a damaged one; ${anew}`,
    );
  });

  it.each(['', '{', '[]', 'null', '{"schema":"faultline/check"}'])('is none: %j', async (text) => {
    writeFileSync(kept, text);
    expect(await refusal()).toBe(
      `faultline: refused.json: expected a checkpoint of faultline, got something else, or a damaged one; ${anew}`,
    );
  });

  it('is in no folder', async () => {
    const { code, err } = await check('mutex-2', file('no/such'));
    expect([code, err]).toEqual([
      3,
      `faultline: --checkpoint ${file('no/such')}: expected a file that can be written, got no such folder as ${file('no')}\n`,
    ]);
  });

  it('is a folder', async () => {
    const { code, err } = await check('mutex-2', files.path);
    expect([code, err]).toEqual([
      3,
      `faultline: --checkpoint ${files.path}: expected a file that can be written, got a directory\n`,
    ]);
  });
});

describe('--checkpoint', () => {
  it.each([
    [['mutex-2'], '--search dpor, got no --search'],
    [['mutex-2', '--search', 'states'], '--search dpor, got states'],
    [['--search', 'dpor'], 'the NAME or FILE that is checked, got none'],
    [['mutex-2', '--search', 'dpor', '--replay', '0'], 'no --replay, got both'],
    [['--mutate'], 'no --mutate, got both'],
  ])('is refused where it says nothing: %j', async (words, message) => {
    expect(await faultline('check', ...words, '--checkpoint', file('x'))).toEqual({
      code: 2,
      out: '',
      err: `faultline: --checkpoint: expected ${message}\n`,
    });
  });
});
