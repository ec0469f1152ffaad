// SPIN's search of the same model: bench/seed-model.pml, generated, compiled and run here and now, where SPIN is installed.
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Beside dist/ in the package, and at the root of a checkout. */
const SOURCE = fileURLToPath(new URL('../../../../bench/seed-model.pml', import.meta.url));
const DEFINES = { safe: [], unsafe: ['-DUNSAFE'], mail: ['-DMAILORDER'] } as const;
const DEPTH = 100_000;
/** As few as hold the largest model's states; more than pan's own default only slows the small ones down. */
const LARGE = 7;

export interface PanRun {
  readonly states: number;
  readonly errors: number;
  /** Milliseconds of `pan` alone, and with what has to be done before: spin -a and gcc -O2. */
  readonly ms: number;
  readonly toAnswerMs: number;
  readonly bytesPerState: number;
}

/** Undefined where SPIN or gcc is missing. */
export async function pan(
  variant: keyof typeof DEFINES,
  fast: number,
  slow: number,
): Promise<PanRun | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'faultline-'));
  try {
    await copyFile(SOURCE, join(directory, 'model.pml'));
    const began = performance.now();
    const defines = [`-DNFAST=${fast}`, `-DNSLOW=${slow}`, ...DEFINES[variant]];
    await run('spin', ['-a', ...defines, 'model.pml'], { cwd: directory });
    await run('gcc', ['-O2', '-DSAFETY', '-DMEMLIM=16384', '-o', 'pan', 'pan.c'], {
      cwd: directory,
    });
    const built = performance.now();
    const table = fast + slow > LARGE ? ['-w28'] : [];
    const { stdout } = await run('./pan', ['-E', `-m${DEPTH}`, ...table], { cwd: directory });
    const ended = performance.now();
    return { ...parsed(stdout), ms: ended - built, toAnswerMs: ended - began };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function parsed(stdout: string): Pick<PanRun, 'states' | 'errors' | 'bytesPerState'> {
  const number = (pattern: RegExp): number => {
    const [, text] = pattern.exec(stdout) ?? [];
    if (text === undefined)
      throw new Error(`expected ${pattern} in the output of pan, got:\n${stdout}`);
    return Number(text);
  };
  const states = number(/(\S+) states, stored/);
  return {
    states,
    errors: number(/errors: (\d+)/),
    bytesPerState: (number(/(\S+)\s+equivalent memory usage for states/) * 2 ** 20) / states,
  };
}
