import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { caught } from '../test/command.ts';
import { Progress } from './progress.ts';

const terminal = process.stderr.isTTY;
let stderr: ReturnType<typeof caught>;
beforeEach(() => {
  stderr = caught(process.stderr);
});
afterEach(() => {
  stderr.restore();
  process.stderr.isTTY = terminal;
});

const showAndClear = (isTerminal: boolean): string => {
  process.stderr.isTTY = isTerminal;
  const progress = new Progress();
  progress.show('reading a.txt');
  progress.clear();
  return stderr.text();
};

describe('progress', () => {
  it('is one line that is written over, on a terminal', () => {
    expect(showAndClear(true)).toBe('\r\x1b[2Kreading a.txt\r\x1b[2K');
  });

  it('is nothing in a pipe', () => {
    expect(showAndClear(false)).toBe('');
  });
});
