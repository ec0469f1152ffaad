// Why a file is no trace, as one line that an editor can jump to.

export interface TraceProblem {
  readonly file: string;
  /** Counted from 1; absent where the whole file is meant. */
  readonly line?: number;
  /** Of what has no lines: `byte 1560576, options`. */
  readonly place?: string;
  readonly expected: string;
  readonly got: string;
}

/** The input as a whole cannot be read. Message: `FILE:LINE: expected ..., got ...`, without `:LINE` where no line is to
 * blame, and `FILE: byte 17, head: expected ..., got ...` of a trace.dat. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly file: string;
  readonly line: number | undefined;

  constructor({ file, line, place, expected, got }: TraceProblem, options?: ErrorOptions) {
    const where = [line === undefined ? file : `${file}:${line}`, ...(place ? [place] : [])];
    super(`${where.join(': ')}: expected ${expected}, got ${got}`, options);
    this.file = file;
    this.line = line;
  }
}
