// Stack traces, cut down to the lines of the user's own files.

/** Frames that one operation may lie beneath: V8 keeps ten, and the checker's own come first. */
const FRAMES_KEPT = 60;
const FRAME = /^\s+at (?:.*? \()?(.*?):(\d+):\d+\)?$/;

/** The part of `Error` that V8 adds. */
type V8Error = {
  stackTraceLimit: number;
  prepareStackTrace?: ((error: Error, sites: readonly NodeJS.CallSite[]) => string) | undefined;
};

/**
 * Runs `work` with stack traces that reach the lines of `files` and hold nothing else. It is done anew for each operation
 * that a search learns, so frames that nobody will see are not even written.
 */
export function withUsersTraces<Result>(files: ReadonlySet<string>, work: () => Result): Result {
  const v8 = Error as unknown as V8Error;
  const { stackTraceLimit, prepareStackTrace } = v8;
  v8.stackTraceLimit = FRAMES_KEPT;
  v8.prepareStackTrace = (_, sites) =>
    ['Error', ...sites.filter((site) => files.has(site.getFileName() ?? '')).map(frameOf)].join(
      '\n',
    );
  try {
    return work();
  } finally {
    v8.stackTraceLimit = stackTraceLimit;
    v8.prepareStackTrace = prepareStackTrace;
  }
}

/** `path:line` of the innermost frame in one of `files`. */
export function usersLine(stack: string, files: ReadonlySet<string>): string | undefined {
  for (const text of stack.split('\n')) {
    const [, path = '', line] = FRAME.exec(text) ?? [];
    if (files.has(path)) return `${path}:${line}`;
  }
  return undefined;
}

/** Named as its author named it: `producer` for `Object.producer` and for `Object.anonymous [as producer]`. */
const frameOf = (site: NodeJS.CallSite): string =>
  `    at ${String(site)
    .replace(/^.* \[as ([^\]]*)\] \(/, '$1 (')
    .replace(/^(?:Object|Proxy)\./, '')}`;
