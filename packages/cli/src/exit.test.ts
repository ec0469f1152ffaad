import { ScheduleError } from '@faultline/checker';
import { MigrationError } from '@faultline/machine';
import { TraceError } from '@faultline/trace';
import { describe, expect, it } from 'vitest';
import {
  EXIT_BUDGET,
  EXIT_FINDING,
  EXIT_INPUT,
  EXIT_OK,
  EXIT_USAGE,
  exitCodeOf,
  InputError,
  messageOf,
  UsageError,
} from './exit.ts';

const traceError = new TraceError({ file: 'a.txt', line: 3, expected: 'x', got: 'y' });

describe('exit codes', () => {
  it('are the ones that scripts rely on', () => {
    expect([EXIT_OK, EXIT_FINDING, EXIT_USAGE, EXIT_INPUT, EXIT_BUDGET]).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    ['an unreadable trace', traceError, 3],
    ['a trace of no use', new InputError('a.txt: nothing'), 3],
    ['a migration that was cut', new MigrationError('closed', 'no more bytes'), 3],
    ['a migration that was stopped', new MigrationError('cancelled', 'Ctrl-C'), 130],
    ['bad words', new UsageError('both'), 2],
    ['a schedule that does not fit', new ScheduleError('step 2'), 2],
    ['what cannot be had', new RangeError('too much'), 2],
    ['a broken invariant', new Error('expected a zap'), 1],
    ['anything else that is thrown', 'text', 1],
  ])('tell %s', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('the message of an error', () => {
  it('is one line for what the user can mend', () => {
    expect(messageOf(traceError)).toBe('a.txt:3: expected x, got y');
  });

  it('has the stack, and the cause with its own, for a broken invariant', () => {
    const cause = new TypeError('deep inside');
    const message = messageOf(new Error('vCPU 1: expected a zap', { cause }));
    expect(message).toMatch(/^Error: vCPU 1: expected a zap\n +at .*exit\.test\.ts/);
    expect(message).toMatch(/\[cause\]: TypeError: deep inside\n +at .*exit\.test\.ts/);
  });

  it('is the text of what is no error', () => {
    expect(messageOf('text')).toBe('text');
  });
});
