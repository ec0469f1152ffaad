/** A place of a trace.dat that cannot be read. What was read before is sound. */
export class DatDamage extends Error {
  override readonly name = 'DatDamage';
  /** Byte of the file. */
  readonly byte: number;
  /** What lies there: `options`, `event formats`, `data of CPU 3`. */
  readonly section: string;
  readonly expected: string;
  readonly got: string;

  constructor({ byte, section, expected, got }: DatPlace & { expected: string; got: string }) {
    super(`byte ${byte}, ${section}: expected ${expected}, got ${got}`);
    this.byte = byte;
    this.section = section;
    this.expected = expected;
    this.got = got;
  }
}

export interface DatPlace {
  readonly byte: number;
  readonly section: string;
}
