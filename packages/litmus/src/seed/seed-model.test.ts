import { type CheckOptions, check, replaySchedule } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { seedModelClearsW } from './seed-model-clears-w.ts';
import { seedModel } from './seed-model-program.ts';

const dpor: CheckOptions = { search: 'dpor', minimize: false };
const THREADS = ['fast0', 'slow0', 'ksm'];
const ORDERS = THREADS.flatMap((a) =>
  THREADS.filter((b) => b !== a).map((b) => [a, b, ...THREADS.filter((c) => c !== a && c !== b)]),
);

describe('the seed model, where the notifier takes the whole spte away', () => {
  it.each([
    [1, 1, 22],
    [2, 1, 142],
    [1, 2, 222],
    [3, 1, 1396],
    [1, 3, 2844],
    [2, 2, 1868],
  ])('with %i fast and %i slow faults has %i executions', (fast, slow, executions) => {
    const { verdict, executions: found } = check(seedModel('safe', fast, slow), dpor);
    expect({ verdict, executions: found }).toEqual({ verdict: 'holds', executions });
  });
});

describe('the seed model as the mail drew it', () => {
  it('has 23 executions, 6 of them bad', () => {
    const { executions, bad } = check(seedModel('unsafe', 1, 1), { ...dpor, countBad: true });
    expect([executions, bad]).toEqual([23, 6]);
  });

  it('fails along the interleaving of the mail, by a compare that finds its old value back', () => {
    const { program, drawn = '', violates } = seedModelClearsW;
    const { execution, fault } = replaySchedule(program(), drawn);
    expect([fault?.property, execution.steps.at(-1)]).toMatchObject([
      violates,
      { exchanged: true, aba: 2 },
    ]);
  });

  it.each(ORDERS)(
    'is refuted within 8 executions, threads tried in the order %s, %s, %s',
    (...order) => {
      const verdict = check(seedModel('unsafe', 1, 1), { ...dpor, order });
      expect(verdict.violation?.property).toBe('W implies host-writable');
      expect(verdict.executions).toBeLessThanOrEqual(8);
    },
  );
});

describe('the seed model with the host pte read before the sequence number', () => {
  it('has 27 executions, 5 of them bad', () => {
    const { executions, bad } = check(seedModel('mail', 1, 1), { ...dpor, countBad: true });
    expect([executions, bad]).toEqual([27, 5]);
  });

  it.each(ORDERS)(
    'is refuted within 15 executions, threads tried in the order %s, %s, %s',
    (...order) => {
      const verdict = check(seedModel('mail', 1, 1), { ...dpor, order });
      expect(verdict.violation?.property).toBe('W implies host-writable');
      expect(verdict.executions).toBeLessThanOrEqual(15);
    },
  );
});
