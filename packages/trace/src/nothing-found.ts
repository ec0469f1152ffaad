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
    const { line, expected } = firstError;
    return new TraceError({ file, ...(line && { line }), expected, got: describe(firstError) });
  }
  if (truncated) return new TraceError({ file, expected, got: 'an end before the first event' });
  if (lines === 0) return new TraceError({ file, expected, got: 'an empty file' });
  const got = 'comments only; usual cause: tracing was off, or trace_pipe had taken the events';
  return new TraceError({ file, expected: 'events', got });
}

const OPTIONS: readonly (readonly [text: RegExp, what: string])[] = [
  // kvm_entry:             vcpu_id=0 rip=0x1036a
  [/\d: \w+: {2,}\w+=/, 'raw fields, as of trace-cmd report -R'],
  // 11.077613:          kvm_entry:            vcpu 0, and (+477) in the lines after the first
  [/\d\.\d+: {9,}\w+: /, 'differences of times, as of trace-cmd report --ts-diff'],
];

/** What trace-cmd was asked for that is not read here, by a line that could not be; undefined if it is something else. */
export const unreadOption = ({ text }: ReadError): string | undefined =>
  OPTIONS.find(([pattern]) => pattern.test(text))?.[1];

/** The excerpt of a bad line, after a word for what it looks like. */
function describe(error: ReadError): string {
  const { text } = error;
  if (/^(\{|\[\s*["{[]|\[$)/.test(text)) return `JSON: ${text}`;
  const option = unreadOption(error);
  if (option !== undefined) return `${option}; take it without: "${text}"`;
  return /[\u00b7\ufffd]/.test(text) ? `binary data: ${text}` : `"${text}"`;
}
