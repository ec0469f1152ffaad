// The same work in C++: compiled and run here and now, if there is a compiler.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMPILERS = ['c++', 'g++', 'clang++'];
/** Beside dist/ in the package, and at the root of a checkout. */
const SOURCE = fileURLToPath(new URL('../../../../bench/floor.cc', import.meta.url));

/** bench/floor.cc, compiled. Its operations per fault: 4 loads of 64 bits, 1 cmpxchg of 64 bits, 1 or of 32. */
export class Floor {
  readonly #directory: string;
  readonly #program: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#program = join(directory, 'floor');
  }

  /** Undefined where no compiler is found. */
  static async compile(): Promise<Floor | undefined> {
    if (!existsSync(SOURCE)) return undefined;
    const floor = new Floor(await mkdtemp(join(tmpdir(), 'faultline-')));
    for (const compiler of COMPILERS) {
      try {
        await run(compiler, ['-O2', '-o', floor.#program, SOURCE]);
        return floor;
      } catch {
        // the next one may be there
      }
    }
    await floor.remove();
    return undefined;
  }

  /** Median nanoseconds per fault of one run, a few milliseconds long. */
  async nsPerFault(): Promise<number> {
    return Number((await run(this.#program, [])).stdout);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
