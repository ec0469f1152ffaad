// Feeds a text to the parser in one piece.
import { FtraceParser, type TraceEvent, type TraceSummary } from '../src/index.ts';

export interface Parsed {
  readonly events: TraceEvent[];
  readonly summary: TraceSummary;
}

/** `text` as it stands: the last line needs its line end. */
export function parseText(text: string): Parsed {
  const events: TraceEvent[] = [];
  const parser = new FtraceParser((event) => events.push(event), { file: 'some.txt' });
  parser.feed(text);
  return { events, summary: parser.end() };
}

/** The events of whole lines. */
export const parseLines = (...lines: readonly string[]): Parsed =>
  parseText(`${lines.join('\n')}\n`);

/** A line as a kernel with default options prints it. */
export const lineOf = (event: string): string =>
  `           vcpu0-177     [002] .....     8.652615: ${event}`;
