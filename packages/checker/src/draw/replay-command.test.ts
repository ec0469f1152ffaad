import { describe, expect, it } from 'vitest';
import { commandLines } from './replay-command.ts';

describe('A command that is longer than a line', () => {
  it('stays whole if it fits', () => {
    expect(commandLines('faultline check ksm', 40)).toEqual(['faultline check ksm']);
  });

  it('goes on after a backslash', () => {
    expect(commandLines('check ksm --replay 0,1,2,3,4', 20)).toEqual([
      'check ksm --repla\\',
      'y 0,1,2,3,4',
    ]);
  });

  it('closes and opens single quotes around the break, where a backslash means itself', () => {
    expect(commandLines("check --replay '0 1 2 3 4 5 6'", 24)).toEqual([
      "check --replay '0 1 2'\\",
      "' 3 4 5 6'",
    ]);
  });

  it('does not part a backslash from what it escapes', () => {
    expect(commandLines('a b c d e\\ f g h i j k', 13)).toEqual([
      'a b c d e\\ \\',
      'f g h i j \\',
      'k',
    ]);
  });
});
