// One program under one model: what is said of it, in each format.
import { describe, expect, it } from 'vitest';
import { checkOne } from '../src/check/check-one.ts';
import { replayOne } from '../src/check/replay-one.ts';
import {
  increment,
  large,
  lostIncrement,
  settings,
  storeBuffering,
  subjectOf,
} from './check-programs.ts';

const line = (text: string, number: number): string | undefined => text.split('\n')[number];
const lengths = (text: string): number => Math.max(...text.split('\n').map((one) => one.length));

describe('a program that holds', () => {
  it('is said to, with what was explored, and exits with 0', () => {
    const { out, code } = checkOne(subjectOf(increment), settings(), 'text');
    expect([code, line(out, 0)]).toEqual([0, 'increment: holds']);
    expect(out).toMatch(
      /^ {2}explored +\d+ states, \d+ transitions, \d+ executions?, depth \d+ in/m,
    );
    expect(out).toMatch(/^ {2}certificate +[0-9a-f]{16}$/m);
  });

  it('has nothing to draw as SVG, and says so beside it', () => {
    const { out, aside, code } = checkOne(subjectOf(increment), settings(), 'svg');
    expect([out, code]).toEqual(['', 0]);
    expect(aside).toMatch(
      /^increment: holds\n[\s\S]*\nfaultline: expected a violation to draw, got none\n$/,
    );
  });
});

describe('a program that is violated', () => {
  const { out, code } = checkOne(subjectOf(lostIncrement), settings(), 'text');
  const schedule = /--replay '(.*)'/.exec(out)?.[1] ?? '';

  it('exits with 1', () => {
    expect([code, line(out, 0)]).toEqual([1, 'lost-increment: violated (finally: both count)']);
  });

  it('is drawn in 80 columns, with the command that repeats it', () => {
    expect(out).toContain('OOPS!!!');
    expect(lengths(out)).toBeLessThanOrEqual(80);
    expect(out).toMatch(/\nAgain:\nfaultline check lost-increment --replay '[\d* ]+'\n$/);
  });

  it('shows the same again when its schedule is replayed, step by step', () => {
    const again = replayOne(subjectOf(lostIncrement), schedule, settings(), 'text');
    expect([again.code, line(again.out, 0)]).toEqual([1, 'lost-increment: 4 steps under sc']);
    const steps = again.out.slice(again.out.indexOf('Every step:')).trimEnd().split('\n');
    expect(steps.slice(1).map((step) => step.replace(/ +\(.*/, ''))).toEqual([
      '  1  first   load32 x = 0',
      '  2  second  load32 x = 0',
      '  3  second  store32 x: 0 -> 1',
      '  4  first   store32 x = 1',
    ]);
  });

  it('is one object as JSON', () => {
    const json = JSON.parse(checkOne(subjectOf(lostIncrement), settings(), 'json').out);
    expect(json).toMatchObject({
      schema: 'faultline/check',
      version: 1,
      program: 'lost-increment',
      verdict: 'violated',
      violation: { fault: 'finally', property: 'both count' },
      replay: `faultline check lost-increment --replay '${schedule}'`,
    });
  });

  it('is a picture as SVG, and the verdict stands beside it', () => {
    const svg = checkOne(subjectOf(lostIncrement), settings(), 'svg');
    expect([svg.code, svg.out.slice(0, 5), svg.out.slice(-7)]).toEqual([1, '<svg ', '</svg>\n']);
    expect(svg.aside).toMatch(/^lost-increment: violated /);
  });

  it('has a heading, the verdict and a table as Markdown', () => {
    const { out } = checkOne(subjectOf(lostIncrement), settings(), 'markdown');
    expect(out).toMatch(/^# lost-increment\n\n```\nlost-increment: violated [\s\S]*\n```\n\n/);
    expect(out).toMatch(/^\| +\| first \| second \|$/m);
  });
});

describe('a schedule', () => {
  const replay = (schedule: string) =>
    replayOne(subjectOf(increment), schedule, settings(), 'text');

  it('that ends well says so, and exits with 0', () => {
    const { out, code } = replay('0 1');
    expect(code).toBe(0);
    expect(out).toMatch(/\n\nNothing fails along it, nor at its end\.\n$/);
  });

  it('that stops early says who could go on', () => {
    expect(replay('1').out).toMatch(
      /\n\nNothing fails along it; it is no whole execution: first could go on\.\n$/,
    );
  });

  it('that does not fit is refused where it does not', () => {
    expect(() => replay('0*3')).toThrow(/^schedule, step 2: expected one of those that can go on/);
  });
});

describe('model tso', () => {
  const tso = settings({ model: 'tso' });

  it('tells which outcomes are new against sc', () => {
    const { out, code } = checkOne(subjectOf(storeBuffering), tso, 'text');
    expect(code).toBe(0);
    expect(out).toMatch(/\n\nNew against sc: 1 outcome\n {2}\[0,0\]\n/);
  });

  it('tells after which stores a fence would take them away', () => {
    const { out } = checkOne(subjectOf(storeBuffering), tso, 'text');
    const place = (name: string): string => `after the store in ${name} (check-programs.ts:#)`;
    expect(out.replaceAll('\n', ' ').replaceAll(/:\d+\)/g, ':#)')).toContain(
      `Gone with a fence ${place('left')} and ${place('right')}. `,
    );
    const { againstSc } = JSON.parse(checkOne(subjectOf(storeBuffering), tso, 'json').out);
    expect(againstSc.fences.places.map((one: { function: string }) => one.function)).toEqual([
      'left',
      'right',
    ]);
  });

  it('tells that none is', () => {
    expect(checkOne(subjectOf(increment), tso, 'text').out).toMatch(
      /\n\nNo end is new against sc\.\n$/,
    );
  });

  it('tells that a race needs a store buffer', () => {
    const ofZeros = {
      ...storeBuffering,
      finally: {
        'one sees the other': (_: unknown, { left, right }: Record<string, unknown>) =>
          left !== 0 || right !== 0,
      },
    };
    const { out, code } = checkOne(subjectOf(ofZeros), tso, 'text');
    expect(code).toBe(1);
    expect(out).toContain(
      '\nUnder sc it holds: only a store buffer brings this about.\nGone with a fence after the store in left (',
    );
    expect(out).toMatch(/faultline check store-buffering --model tso --replay '/);
  });

  it('tells that a race is there without', () => {
    const { out } = checkOne(subjectOf(lostIncrement), tso, 'text');
    expect(out).toContain('\nUnder sc as well: finally: both count.\n');
  });

  it('cannot be had with dpor', () => {
    const refused = () =>
      checkOne(subjectOf(increment), settings({ model: 'tso', search: 'dpor' }), 'text');
    expect(refused).toThrow(
      new RangeError('expected search states for model tso, got dpor: it knows no store buffers'),
    );
  });
});

describe('a budget that ends the search', () => {
  const { out, code } = checkOne(subjectOf(large), settings({ budget: { states: 2000 } }), 'text');

  it('exits with 4, and says what is complete', () => {
    expect(code).toBe(4);
    expect(line(out, 0)).toBe(
      'large: bounded: no violation with at most 0 preemptions (the budget ended: 2,000',
    );
  });

  it('says what else was tried', () => {
    expect(out.replaceAll('\n', ' ')).toMatch(
      /Tried as well, and nothing found: states \(2,\d{3} states in \S+ s\), pct \(10,000 executions in \S+ s\)\. $/,
    );
  });

  it('is all that is said when the search was named', () => {
    const named = settings({ search: 'dpor', budget: { executions: 10 } });
    const { out, code } = checkOne(subjectOf(large), named, 'text');
    expect(code).toBe(4);
    expect(line(out, 0)).toBe(
      'large: bounded: nothing found so far (the budget ended: 10 executions)',
    );
    expect(out).not.toContain('Tried');
  });
});

describe('a search at random', () => {
  it('ends by itself, and is never a pass', () => {
    const { out, code } = checkOne(subjectOf(increment), settings({ search: 'random' }), 'text');
    expect([code, line(out, 0)]).toEqual([
      4,
      'increment: bounded: nothing found so far (the budget ended: 10,000 executions)',
    ]);
  });

  it('finds what there is', () => {
    expect(checkOne(subjectOf(lostIncrement), settings({ search: 'pct' }), 'text').code).toBe(1);
  });
});
