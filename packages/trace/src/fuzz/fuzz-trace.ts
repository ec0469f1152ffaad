// npm run fuzz:trace -- --count 100000 --seed 1: damages traces in every way it knows and has them read. Each trial is one
// seed, so a failure is brought back by `--seed SEED --count 1`.
//
// The trials run on a thread of their own: one that hangs, or fills its memory, is seen from here.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadSamples } from './samples.ts';
import { KINDS, type Kind, kindOf, type Outcome, trial } from './trial.ts';

const TRACE = fileURLToPath(new URL('../../../../traces/k6.12-tdp-ksm-race', import.meta.url));
const HANGS_AFTER_MS = 60_000;
const MEMORY_MIB = 512;
const TRIALS_PER_REPORT = 500;

interface Job {
  readonly seed: number;
  readonly count: number;
}

/** How far the trials are, and how they ended, by kind. */
interface Progress {
  readonly done: number;
  readonly tally: Readonly<Record<string, number>>;
}

async function runTrials({ seed, count }: Job): Promise<void> {
  const samples = await loadSamples(TRACE);
  const tally: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    let outcome: Outcome;
    try {
      outcome = await trial(samples, seed + n);
    } catch (cause) {
      throw new Error(`seed ${seed + n} (${kindOf(seed + n)})`, { cause });
    }
    const cell = `${kindOf(seed + n)} ${outcome}`;
    tally[cell] = (tally[cell] ?? 0) + 1;
    const done = n + 1;
    if (done % TRIALS_PER_REPORT === 0 || done === count) {
      parentPort?.postMessage({ done, tally } satisfies Progress);
    }
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const job = { seed: Number(values.seed), count: Number(values.count) };
  if (!Number.isInteger(job.seed) || !Number.isInteger(job.count) || job.count < 1) {
    process.stderr.write('fuzz:trace: expected whole numbers for --count and --seed\n');
    return 2;
  }
  const began = performance.now();
  try {
    const { tally } = await watch(job);
    process.stdout.write(reportOf(job, tally, performance.now() - began));
    return 0;
  } catch (error) {
    process.stderr.write(`fuzz:trace: FAILED: ${describe(error)}\n`);
    return 1;
  }
}

/** The last report; rejects when a trial throws, hangs, or fills the memory. */
function watch(job: Job): Promise<Progress> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  return new Promise((resolve, reject) => {
    let last: Progress = { done: 0, tally: {} };
    const hang = (): void => {
      reject(
        new Error(`no ${TRIALS_PER_REPORT} trials in a minute after seed ${job.seed + last.done}`),
      );
      void worker.terminate();
    };
    let timer = setTimeout(hang, HANGS_AFTER_MS);
    worker.on('message', (progress: Progress) => {
      last = progress;
      clearTimeout(timer);
      timer = setTimeout(hang, HANGS_AFTER_MS);
    });
    worker.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve(last);
    });
  });
}

function reportOf({ seed, count }: Job, tally: Progress['tally'], ms: number): string {
  const row = (kind: Kind): string => {
    const of = (outcome: Outcome): string =>
      (tally[`${kind} ${outcome}`] ?? 0).toLocaleString('en-US').padStart(9);
    return `${kind.padEnd(6)}${of('whole')}${of('damaged')}${of('refused')}`;
  };
  return [
    `${count.toLocaleString('en-US')} damaged inputs, seeds ${seed} to ${seed + count - 1}, in ${Math.round(ms / 1000)} s`,
    `${''.padEnd(6)}${['whole', 'damaged', 'refused'].map((name) => name.padStart(9)).join('')}`,
    ...KINDS.map(row),
    'no crash, no hang, no rejection without its place',
    `peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
    '',
  ].join('\n');
}

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.stack}` : '';
  return `${error.message}${cause}`;
};

if (isMainThread) process.exitCode = await main();
else await runTrials(workerData as Job);
