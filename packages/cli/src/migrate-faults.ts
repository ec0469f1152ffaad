// npm run migrate:faults: migrations that fail, each in its own way at its own byte. Before the guest is handed over the source must
// be whole after that, running and not logged, and the destination must not run it. From then on it is the destination's: post-copy
// must outlive any fault, unless nobody comes back, and then both sides must say that it is lost. Exit code 1 if one was not so.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningGuest, startGuest } from '@faultline/runner';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_OK } from './exit.ts';
import { listen } from './migrate/endpoint.ts';
import { FAULTS, type Fault } from './migrate-faults/faults.ts';
import { runTrial, type Trial, type TrialResult } from './migrate-faults/trial.ts';
import { whole } from './words.ts';

const PAGES = 64;
const VCPUS = 2;
/** About what a migration of this guest sends in a round: a fault may come at any byte of it, or just after. */
const ROUND_BYTES: number = PAGES * 4096 * 1.1;
/** Post-copies of which nobody comes back, of a hundred. */
const GONE = 15;
/** A stalled connection takes its time; there are fewer of them. */
const WEIGHTS: Readonly<Record<Fault, number>> = {
  killed: 30,
  corrupted: 30,
  cancelled: 25,
  stalled: 5,
  version: 10,
};

interface Options {
  readonly count: number;
  readonly seed: number;
}

const newGuest = (): Promise<RunningGuest> => startGuest('random', { vcpus: VCPUS, pages: PAGES });

const program = new Command('migrate:faults')
  .description('migrate a running guest again and again, with one fault each')
  .option('--count <N>', 'how many', whole(1, 1e6), 1000)
  .option('--seed <N>', 'the same seed, the same faults', whole(0, 2 ** 31), 1)
  .action(async (options: Options) => {
    process.exitCode = await run(options);
  });
await program.parseAsync();

async function run({ count, seed }: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'faultline-'));
  const random = randomSource(seed);
  const tally = new Map<string, number>();
  let found = 0;
  const guest = await newGuest();
  for (let session = 0; session < count; session++) {
    const trial = trialOf(session, random);
    const { source, destination, complaints } = await inPlace(guest, directory, trial);
    const key = `${trial.memoryMode.padEnd(9)} ${trial.plan.fault.padEnd(10)} source ${source.padEnd(10)} destination ${destination}`;
    tally.set(key, (tally.get(key) ?? 0) + 1);
    if (complaints.length === 0) continue;
    found++;
    process.stdout.write(
      `migration ${session}: ${JSON.stringify(trial)}: ${complaints.join('; ')}\n`,
    );
  }
  const { ok } = await guest.stop();
  rmSync(directory, { recursive: true });
  for (const [key, times] of [...tally].sort()) {
    process.stdout.write(`${String(times).padStart(6)}  ${key}\n`);
  }
  const sound = found === 0 && ok;
  process.stdout.write(
    sound
      ? `${count} migrations: the source whole and its log off after each; no guest ran twice; of those handed over no word was lost, or both sides said that the guest is\n`
      : `${found} of ${count} migrations were not as promised${ok ? '' : '; the guest is not whole at the end'}\nagain: npm run migrate:faults -- --count ${count} --seed ${seed}\n`,
  );
  return sound ? EXIT_OK : EXIT_FINDING;
}

/** With a socket of its own; a post-copy with a guest of its own, whose touches its destination makes anew from the first on. */
async function inPlace(
  shared: RunningGuest,
  directory: string,
  trial: Trial,
): Promise<TrialResult> {
  const listener = await listen({ path: join(directory, String(trial.session)) });
  const own = trial.memoryMode === 'postcopy' ? await newGuest() : undefined;
  try {
    const result = await runTrial(own ?? shared, listener, trial);
    if (own === undefined || (await own.stop()).ok) return result;
    return { ...result, complaints: [...result.complaints, 'the source is not whole at the end'] };
  } finally {
    listener.close();
  }
}

function trialOf(session: number, random: (below: number) => number): Trial {
  let ticket = random(Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0));
  const fault = FAULTS.find((name) => {
    ticket -= WEIGHTS[name];
    return ticket < 0;
  }) as Fault;
  const memoryMode = random(2) === 0 ? 'precopy' : 'postcopy';
  const postcopyAfterRounds = random(2);
  const rounds = memoryMode === 'precopy' ? 2 : 1 + postcopyAfterRounds;
  const plan = { fault, afterBytes: random(ROUND_BYTES * rounds), bit: random(8) };
  const comesBack = random(100) >= GONE;
  const connections = 1 + random(3);
  return { plan, connections, session, memoryMode, postcopyAfterRounds, comesBack };
}

/** Numbers that are the same for the same seed. xorshift32. */
function randomSource(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.floor(below);
  };
}
