// npm run predict:check: what `faultline predict` says beside what happened, in recorded migrations and in our own.
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { exitCodeOf, messageOf } from './exit.ts';
import { checkMachine, idleCost, type MachineResult } from './predict-check/machine.ts';
import type { MachineCase } from './predict-check/migrate-guest.ts';
import { checkRecorded, type RecordedResult } from './predict-check/recorded.ts';
import { machineTable, recordedTable, roundsTable } from './predict-check/tables.ts';
import { formatSeconds } from './quantity.ts';

const BUNDLED: string = fileURLToPath(
  new URL('../../../traces/k6.12-legacy-migrate-thp.txt.gz', import.meta.url),
);
const MEMORY = 64 * 2 ** 20;
const MIB = 2 ** 20;

/** Each pattern; one that cannot converge, and one that is throttled until it does. */
const CASES: readonly MachineCase[] = [
  caseOf('random', 4_000, 24),
  caseOf('hot set', 8_000, 48),
  caseOf('zipf', 8_000, 32),
  caseOf('sweep', 2_000, 24),
  { ...caseOf('hot set', 8_000, 16), timeoutS: 6 },
  { ...caseOf('random', 12_000, 16), timeoutS: 6 },
  { ...caseOf('random', 12_000, 32), autoConverge: true },
];

function caseOf(
  pattern: MachineCase['pattern'],
  writesPerSecond: number,
  mib: number,
): MachineCase {
  const limits = { downtimeMs: 100, timeoutS: 60 };
  return { pattern, memory: MEMORY, writesPerSecond, bandwidth: mib * MIB, ...limits };
}

const program = new Command('predict:check')
  .description('what is predicted beside what happened, in recorded migrations and in our own')
  .argument('[TRACES...]', 'recorded migrations (a bundled one)')
  .option('--no-machine', 'the recorded ones only')
  .action(async (traces: string[], { machine }: { readonly machine: boolean }) => {
    await check(traces.length === 0 ? [BUNDLED] : traces, machine);
  });
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`faultline: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function check(traces: readonly string[], withMachine: boolean): Promise<void> {
  print('Rounds of recorded migrations, each predicted from those before it\n');
  const recorded: RecordedResult[] = [];
  for (const file of traces) recorded.push(await checkRecorded(file));
  print(`${recordedTable(recorded)}\n`);
  if (!withMachine) return;
  print('\nMigrations of our own machine, 64 MiB, downtime at most 100 ms\n');
  const idle = await idleCost();
  const [setup, handOver] = [idle.setupMs, idle.stateMs].map((ms) => formatSeconds(ms / 1000));
  print(`An idle guest took ${setup} to set up and ${handOver} to hand over.\n`);
  const results: MachineResult[] = [];
  for (const of of CASES) results.push(await checkMachine(of, idle));
  print(`${machineTable(results)}\n`);
  print('\nPages in each round\n');
  print(`${roundsTable(results)}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}
