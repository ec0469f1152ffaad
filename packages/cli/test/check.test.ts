// `faultline check` and `faultline explain` as a user meets them: words, exit codes, what is printed.
import { LITMUS, WAITING } from '@faultline/litmus';
import { describe, expect, it } from 'vitest';
import { type Checked, checkInWorkers } from '../src/check-pool.ts';
import { settings } from './check-programs.ts';
import { faultline, type Said, scratch } from './command.ts';

const check = (...words: string[]): Promise<Said> => faultline('check', ...words);
const files = scratch();
const widest = (text: string): number => Math.max(...text.split('\n').map(({ length }) => length));
/** A link may be longer than a line; nothing else. */
const withoutLinks = (text: string): string => text.replaceAll(/^.*https?:.*$/gm, '');

describe('words that cannot be meant', () => {
  it.each([
    [
      ['ksm-marge'],
      "expected a litmus or a file, perhaps ksm-merge, got 'ksm-marge'; faultline check --list names all",
    ],
    [
      ['qqqqqqqqq'],
      "expected a litmus or a file, got 'qqqqqqqqq'; faultline check --list names all",
    ],
    [['--model', 'arm'], "--model: expected one of sc, tso, got 'arm'"],
    [
      ['--search', 'bfs'],
      "--search: expected one of states, dpor, preemptions, random, pct, got 'bfs'",
    ],
    [['--budget', '3s', '--budget', '4s'], "--budget: expected time once, got '4s'"],
    [['--format', 'xml'], "--format: expected one of text, markdown, json, svg, got 'xml'"],
    [['--seed', '0'], "--seed: expected a whole number from 1 to 2147483647, got '0'"],
    [['--jobs', '0'], "--jobs: expected a whole number from 1 to 256, got '0'"],
    [['--replay', '0'], '--replay: expected the NAME or FILE that the schedule is of, got none'],
    [['--list', 'mutex-2'], "--list: expected no NAME, got 'mutex-2'"],
    [['--races', 'mutex-2'], "--races: expected no NAME, got 'mutex-2'"],
    [['--list', '--format', 'svg'], '--list: expected one of text, markdown, json, got svg'],
    [['--format', 'svg'], '--format svg: expected a NAME or FILE to draw, got none'],
    [
      ['mutex-2', '--model', 'tso', '--search', 'dpor'],
      'expected search states for model tso, got dpor: it knows no store buffers',
    ],
    [
      ['mutex-2', '--replay', '0 x'],
      "schedule, place 2: expected a thread below 2, such as 0 or 2*5 or d1, got 'x'",
    ],
  ])('are refused in one line, with 2: %j', async (words, message) => {
    expect(await check(...words)).toEqual({ code: 2, out: '', err: `faultline: ${message}\n` });
  });
});

describe('a file', () => {
  it('that is not there exits with 3', async () => {
    const file = `${files.path}/missing.js`;
    const err = `faultline: ${file}: expected a readable file, got no such file\n`;
    expect(await check(file)).toEqual({ code: 3, out: '', err });
  });

  it('may not be a directory', async () => {
    const err = `faultline: ${files.path}: expected a readable file, got a directory\n`;
    expect(await check(files.path)).toEqual({ code: 3, out: '', err });
  });

  it('is checked as a litmus is, and the replay names it', async () => {
    const file = files.put(
      'lost.js',
      `const x = new Int32Array(new SharedArrayBuffer(4));
      const add = () => Atomics.store(x, 0, Atomics.load(x, 0) + 1);
      export const threads = { first: () => add(), second: () => add() };
      export const properties = { finally: { both: () => Atomics.load(x, 0) === 2 } };`,
    );
    const { code, out, err } = await check(file);
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(/^lost\.js: violated \(finally: both\)\n/);
    expect(out.replaceAll(/\\?\n/g, '')).toContain(`faultline check ${file} --replay '`);
  });
});

describe('a litmus', () => {
  it('that holds exits with 0', async () => {
    const { code, out, err } = await check('seed-model');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^seed-model: holds\n {2}explored +\d+ states/);
  });

  it('whose race is known exits with 1 all the same, and says that it was expected', async () => {
    const { code, out } = await check('seed-model-clears-w');
    expect(code).toBe(1);
    expect(out.replaceAll('\n', ' ')).toContain(
      'Expected: it is the known race (W implies host-writable), mended in seed-model; ' +
        'faultline explain seed-model-clears-w tells its story.',
    );
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it('is replayed by the command that its drawing ends with', async () => {
    const { out } = await check('seed-model-clears-w');
    const schedule = /--replay '(.*)'/.exec(out)?.[1] ?? '';
    const again = await check('seed-model-clears-w', '--replay', schedule);
    expect(again.code).toBe(1);
    expect(again.out).toMatch(/\nEvery step:\n {2} ?1 {2}/);
  });

  it('claims nothing under a model that it does not name, and says so', async () => {
    const { out } = await check('seed-model', '--model', 'tso');
    expect(out).toContain('\nNothing is claimed of seed-model under tso.\n');
  });

  it('is one object with --json', async () => {
    const { out } = await check('seed-model', '--json');
    expect(JSON.parse(out)).toMatchObject({
      schema: 'faultline/check',
      verdict: 'holds',
      claim: { result: 'Never', borne: 'as claimed' },
    });
  });

  it('is searched as the words say', async () => {
    const { out } = await check('seed-model', '--search', 'dpor', '--json');
    expect(JSON.parse(out)).toMatchObject({ search: 'dpor', verdict: 'holds' });
  });
});

describe('the list', () => {
  it('has every litmus with its result, models and title', async () => {
    const { code, out } = await check('--list');
    expect(code).toBe(0);
    expect(out).toMatch(/^litmus +result +models\nseed-model +Never +sc\n {4}\S/);
    expect(out).toMatch(/^mutex-2 +Never +sc, tso$/m);
    for (const { name } of LITMUS) expect(out).toMatch(new RegExp(`^${name} `, 'm'));
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it('is one object with --json', async () => {
    const { schema, litmuses } = JSON.parse((await check('--list', '--json')).out);
    expect([schema, litmuses.length]).toEqual(['faultline/litmus', LITMUS.length]);
  });
});

describe('worker threads', () => {
  it('check what they are asked to, and say what is wrong with the rest', async () => {
    const { model: _, ...plain } = settings();
    const jobs = ['seed-model', 'no-such', 'seed-model-clears-w', 'mutex-wakes-nobody'].map(
      (name) => ({ name, model: 'sc' as const, settings: plain }),
    );
    const answers: Checked[] = [];
    await checkInWorkers(jobs, 2, { done: (index, checked) => (answers[index] = checked) });
    expect(
      answers.map((one) => ('error' in one ? one.error.split('\n')[0] : one.verdict.verdict)),
    ).toEqual(['holds', "Error: expected a litmus, got 'no-such'", 'violated', 'violated']);
  });
});

describe('explain', () => {
  it('tells the story of a race, its drawing, what mended it, and checks the repair', async () => {
    const { code, out } = await faultline('explain', 'seed-model-clears-w');
    expect(code).toBe(0);
    const headings = [
      /^seed-model-clears-w\n/,
      /\nResult: Sometimes\nSource: /,
      /\n\nWhat happens\n {2}/,
      /\n\nFound now, after \d+ states in \d+\.\d s\n\n/,
      /OOPS!!!/,
      /\n\nWhat mends it\n {2}/,
      /\n\nAs it should be\n {2}seed-model \(holds, \d+ states in \d+\.\d s\): /,
      /\n\nSee\n {2}https:/,
    ];
    const places = headings.map((heading) => out.search(heading));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(widest(withoutLinks(out))).toBeLessThanOrEqual(80);
  });

  it('tells of what holds why it does, and where the mistakes are', async () => {
    const { out } = await faultline('explain', 'seed-model');
    expect(out).toMatch(
      /\n\nWhy it holds\n {2}[\s\S]*\n\nWith a mistake\n {2}seed-model-clears-w: /,
    );
    expect(out).not.toContain('OOPS');
  });

  it('lists all without a name, and the races that wait', async () => {
    const { code, out } = await faultline('explain');
    expect(code).toBe(0);
    for (const { name } of LITMUS) expect(out).toMatch(new RegExp(`^${name}$`, 'm'));
    for (const { id, waitsFor } of WAITING) expect(out).toContain(`\n${id}, for ${waitsFor}\n`);
    expect(widest(out)).toBeLessThanOrEqual(80);
  });

  it('knows no other name', async () => {
    expect(await faultline('explain', 'seed-mode')).toEqual({
      code: 2,
      out: '',
      err: "faultline: expected a litmus, perhaps seed-model or seed-model-clears-w or seed-model-mail-order, got 'seed-mode'; faultline check --list names all\n",
    });
  });
});
