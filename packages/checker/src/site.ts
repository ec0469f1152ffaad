// Stack traces as lines of somebody's code.
import type { Frame } from './execution.ts';

/** The seam's and the checker's own files: never what a reader looks for. */
const OWN =
  /[\\/]atomics[\\/]src[\\/]logged\.|[\\/]checker[\\/]src[\\/](?!.*\.test\.)[\w-]+\.[tj]s/;
const FRAME = /^\s*at (?:(.*?) )?\(?((?:file:\/\/|\/|[A-Za-z]:\\|\w[\w-]*:)?[^()]*?):(\d+):\d+\)?$/;

/** Innermost first. Frames of Node itself are left out. */
export function framesOf(stack: string): Frame[] {
  return stack.split('\n').flatMap((text) => {
    const match = FRAME.exec(text);
    if (match === null || OWN.test(text) || text.includes('node:')) return [];
    const [, name = '', file = '', line] = match;
    return [{ function: name.replace(/^(async|new) /, ''), file, line: Number(line) }];
  });
}

/** More than any stack here: a claim is told from another by all of its callers. */
const STACK_FRAMES = 1000;

/** Runs `run` with stack traces long enough to name an operation's line, and a claim by all of its callers. */
export function withStacks<Result>(run: () => Result): Result {
  const v8 = Error as { stackTraceLimit?: number };
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = STACK_FRAMES;
  try {
    return run();
  } finally {
    if (limit !== undefined) v8.stackTraceLimit = limit;
  }
}
