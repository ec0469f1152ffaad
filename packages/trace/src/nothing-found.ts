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

/** `kvm_entry:             vcpu_id=0 rip=0x1036a`: trace-cmd report -R, of which nothing here can be read. */
export const isRawFields = ({ text }: ReadError): boolean => /\d: \w+: {2,}\w+=/.test(text);

/** The excerpt of a bad line, after a word for what it looks like. */
function describe(error: ReadError): string {
  const { text } = error;
  if (/^(\{|\[\s*["{[]|\[$)/.test(text)) return `JSON: ${text}`;
  if (isRawFields(error))
    return `raw fields, as of trace-cmd report -R; take it without: "${text}"`;
  return /[\u00b7\ufffd]/.test(text) ? `binary data: ${text}` : `"${text}"`;
}
