// Why a file is no trace, as one line that an editor can jump to.

export interface TraceProblem {
  readonly file: string;
  /** Counted from 1; absent where the whole file is meant. */
  readonly line?: number;
  readonly expected: string;
  readonly got: string;
}

/** The input as a whole cannot be read. Message: `FILE:LINE: expected ..., got ...`, without `:LINE` where no line is to blame. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly file: string;
  readonly line: number | undefined;

  constructor({ file, line, expected, got }: TraceProblem, options?: ErrorOptions) {
    const place = line === undefined ? file : `${file}:${line}`;
    super(`${place}: expected ${expected}, got ${got}`, options);
    this.file = file;
    this.line = line;
  }
}
