// Why there was not one event: an empty result is never a success.
import type { ReadError } from './error-log.ts';
import { TraceError } from './trace-error.ts';

export interface FruitlessInput {
  readonly file: string;
  readonly lines: number;
  readonly firstError: ReadError | undefined;
  readonly truncated: boolean;
}

export function nothingFound({ file, lines, firstError, truncated }: FruitlessInput): TraceError {
  const expected = 'text of ftrace';
  if (firstError !== undefined) {
    const { line, text, expected } = firstError;
    return new TraceError({ file, ...(line && { line }), expected, got: describe(text) });
  }
  if (truncated) return new TraceError({ file, expected, got: 'an end before the first event' });
  if (lines === 0) return new TraceError({ file, expected, got: 'an empty file' });
  const got = 'comments only; usual cause: tracing was off, or trace_pipe had taken the events';
  return new TraceError({ file, expected: 'events', got });
}

/** The excerpt of a bad line, after a word for what it looks like. */
function describe(text: string): string {
  if (/^(\{|\[\s*["{[]|\[$)/.test(text)) return `JSON: ${text}`;
  return /[\u00b7\ufffd]/.test(text) ? `binary data: ${text}` : `"${text}"`;
}
