import { describe, expect, it } from 'vitest';
import { lineOf, parseLines, parseText } from '../test/parse-text.ts';
import { gaps, isComplete, isDamaged } from './completeness.ts';

const ENTRY = lineOf('kvm_entry: vcpu 0, rip 0x10000');

const verdict = (...lines: readonly string[]) => {
  const { summary } = parseLines(ENTRY, ...lines);
  return [isComplete(summary), isDamaged(summary), gaps(summary)];
};

describe('a trace', () => {
  it('of which every event was read and understood is complete', () => {
    expect(verdict()).toEqual([true, false, []]);
  });

  it('with lost events is sound and not complete', () => {
    expect(verdict('CPU:1 [LOST 1460 EVENTS]', 'CPU:0 [LOST EVENTS]')).toEqual([
      false,
      false,
      [
        '1,460 events LOST: the reader of the buffer was too slow',
        'events LOST once, the kernel does not say how many',
      ],
    ]);
  });

  it('whose oldest events were overwritten says how many', () => {
    const [complete, damaged, said] = verdict('# entries-in-buffer/entries-written: 1/7   #P:3');
    expect([complete, damaged, said]).toEqual([
      false,
      false,
      ['6 events LOST: overwritten before they were read'],
    ]);
  });

  it('with an event that nobody here knows is sound and not complete', () => {
    expect(verdict(lineOf('kvm_fpu: load'))).toEqual([false, false, ['not decoded: kvm_fpu 1']]);
  });

  it('with an unreadable body is damaged, and the event is named', () => {
    expect(verdict(lineOf('kvm_entry: vcpu x'))).toEqual([
      false,
      true,
      ['1 unreadable: kvm_entry 1', '  first in line 2: expected a decimal number'],
    ]);
  });

  it('that is cut is damaged', () => {
    const { summary } = parseText(`${ENTRY}\n   vcpu0-1`);
    expect([isDamaged(summary), gaps(summary)]).toEqual([true, ['the input ends too early']]);
  });
});
