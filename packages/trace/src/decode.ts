// The contract of a decoder.
import type { LineCursor } from './line-cursor.ts';
import type { TraceBody } from './trace-event.ts';

/** A body that belongs to somebody else: counted, not decoded, no error. */
export const FOREIGN: unique symbol = Symbol('foreign');

/** What libtraceevent, so trace-cmd and perf, prints before the fields one by one where it cannot follow a format. */
export const UNPARSED = '[FAILED TO PARSE] ';

/**
 * Reads the body of one event, the cursor standing on its first byte. What it returns counts only if `line.expected` is
 * still undefined afterwards.
 */
export type Decode = (line: LineCursor) => TraceBody | typeof FOREIGN;

/** By the name that ftrace prints before the body. */
export type Decoders = Readonly<Record<string, Decode>>;
