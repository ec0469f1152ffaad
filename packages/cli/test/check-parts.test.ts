// A search by dpor in parts: the verdict of the whole, whoever carries the parts out.
import { checkPart, type Program } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { checkOneBy } from '../src/check/check-one.ts';
import { checkInParts, type PartPool } from '../src/check/parts.ts';
import { budgetOf, checkInStages, optionsOf } from '../src/check/stages.ts';
import { findSubject, type Subject } from '../src/check/subject.ts';
import { partsInWorkers } from '../src/check-pool.ts';
import { settings, subjectOf } from './check-programs.ts';
import { scratch } from './command.ts';

const X = 0;
const Y = 64;
const dpor = settings({ search: 'dpor' });
const files = scratch();

/** Four threads that add twice each: more than a moment of a millisecond. */
const adders: Program = {
  name: 'adders',
  threads: Object.fromEntries(
    [1, 10, 100, 1000].map((one) => [
      `by${one}`,
      (mem) => {
        mem.add32(X, one);
        return mem.add32(X, one);
      },
    ]),
  ),
};

/** In this thread, one part after the other. */
const here =
  ({ program }: Subject, asked: number[] = []): PartPool =>
  async (jobs, _workers, listener) => {
    asked.push(jobs.length);
    for (const [index, { part, settings: of }] of jobs.entries()) {
      const found = checkPart(program(), part, { ...optionsOf(of), budget: budgetOf(of) });
      if (listener.done(index, found) !== 'more') return;
    }
  };

const inParts = (subject: Subject, own = dpor, asked: number[] = []) =>
  checkInParts(subject, own, { workers: 2, pool: here(subject, asked), momentMs: 1 }, () => {});

describe('a search that is cut into parts', () => {
  it('finds the ends of the whole, in a hundred parts or more', async () => {
    const { verdict: whole } = checkInStages(adders, dpor);
    const { verdict } = await inParts(subjectOf(adders));
    expect(verdict).toMatchObject({
      verdict: 'holds',
      search: 'dpor',
      ends: whole.ends,
      certificate: whole.certificate,
    });
    expect(verdict.parts).toBeGreaterThanOrEqual(100);
    expect(verdict.executions).toBeGreaterThanOrEqual(whole.executions);
    expect(verdict.executions).toBeLessThan(whole.executions * 1.01);
  });

  it('says so', async () => {
    const subject = subjectOf(adders);
    const { out, code } = await checkOneBy(() => inParts(subject), subject, dpor, 'text');
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}search +dpor under sc in \d+ parts, /m);
  });

  it('is cut anew when a part finds out that a property looks further', async () => {
    const looksLate: Program = {
      ...adders,
      sometimes: { late: (mem) => mem.load32(X) === 2222 && mem.load32(Y) === 0 },
    };
    const asked: number[] = [];
    const { verdict } = await inParts(subjectOf(looksLate), dpor, asked);
    expect(asked.length).toBeGreaterThan(1);
    expect(verdict.certificate).toBe(checkInStages(looksLate, dpor).verdict.certificate);
  });

  it('ends with the first violation', async () => {
    const bad: Program = { ...adders, finally: { 'is 1': (mem) => mem.load32(X) === 1 } };
    let done = 0;
    const subject = subjectOf(bad);
    const pool: PartPool = async (jobs, workers, listener) =>
      here(subject)(jobs, workers, {
        going: () => {},
        done(index, checked) {
          done++;
          return listener.done(index, checked);
        },
      });
    const slow = { ...subject, program: () => slowly(bad) };
    const { verdict } = await checkInParts(slow, dpor, { workers: 2, pool, momentMs: 1 }, () => {});
    expect([verdict.verdict, verdict.violation?.property, done]).toEqual(['violated', 'is 1', 1]);
  });

  it('ends with the budget, named as it was given', async () => {
    const own = settings({ search: 'dpor', budget: { ms: 2, words: { ms: '2ms' } } });
    const { verdict } = await inParts(subjectOf(slowly(adders)), own);
    expect([verdict.verdict, verdict.budget]).toEqual(['budget', '2ms']);
  });

  it.each([
    ['one worker', { workers: 1, momentMs: 1 }],
    ['a moment', { workers: 2, momentMs: 60_000 }],
  ])('is not, where there is only %s', async (_, options) => {
    const subject = subjectOf(adders);
    const { verdict } = await checkInParts(
      subject,
      dpor,
      { ...options, pool: here(subject) },
      () => {},
    );
    expect([verdict.parts, verdict.executions]).toEqual([
      undefined,
      checkInStages(adders, dpor).verdict.executions,
    ]);
  });
});

describe('parts in worker threads', () => {
  const inWorkers = (subject: Subject, own = dpor) =>
    checkInParts(subject, own, { workers: 2, pool: partsInWorkers, momentMs: 1 }, () => {});

  it('are those of a litmus', async () => {
    const subject = await findSubject('mutex-3');
    const { verdict } = await inWorkers(subject);
    const { verdict: whole } = checkInStages(subject.program(), dpor);
    expect([verdict.verdict, verdict.certificate]).toEqual(['holds', whole.certificate]);
    expect(verdict.parts).toBeGreaterThanOrEqual(100);
  });

  it('are those of a file', async () => {
    const file = files.put(
      'adders.js',
      `const x = new Int32Array(new SharedArrayBuffer(4));
      const add = (one) => { Atomics.add(x, 0, one); return Atomics.add(x, 0, one); };
      export const threads = { a: () => add(1), b: () => add(10), c: () => add(100), d: () => add(1000) };`,
    );
    const subject = await findSubject(file);
    const { verdict } = await inWorkers(subject);
    const { verdict: whole } = checkInStages(subject.program(), dpor);
    expect(verdict.certificate).toBe(whole.certificate);
    expect(verdict.parts).toBeGreaterThanOrEqual(100);
  });

  it('share one budget of executions', async () => {
    const budget = { executions: 1500, words: { executions: '1500-executions' } };
    const subject = await findSubject('grace-period-two-writers');
    const own = settings({ search: 'dpor', budget });
    const options = { workers: 2, pool: partsInWorkers, momentMs: 5 };
    const { verdict } = await checkInParts(subject, own, options, () => {});
    expect([verdict.verdict, verdict.budget]).toEqual(['budget', '1500-executions']);
    expect(verdict.executions).toBeLessThan(30_000);
  });
});

/** So that its search is not over in a moment. */
function slowly(program: Program): Program {
  const threads = Object.entries(program.threads).map(([name, body]) => [
    name,
    (mem: never) => {
      const until = performance.now() + 0.5;
      while (performance.now() < until);
      return (body as (mem: never) => unknown)(mem);
    },
  ]);
  return { ...program, threads: Object.fromEntries(threads) };
}
