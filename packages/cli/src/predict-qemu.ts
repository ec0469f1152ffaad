// npm run predict:qemu: what `faultline predict` says beside what the QEMU of this machine does, with guests of our own.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { exitCodeOf, InputError, messageOf } from './exit.ts';
import { type Comparison, compare, comparisonTable } from './predict-qemu/compare.ts';
import { type Measured, migrateCase, type QemuCase } from './predict-qemu/migrate-case.ts';
import { qemuVersion } from './predict-qemu/qemu.ts';

const MIB = 2 ** 20;
const MEMORY = 128 * MIB;

/** One that takes few rounds, one near its break-even, one that goes through its memory, one too fast, and one throttled. */
const CASES: readonly QemuCase[] = [
  caseOf('few', { pattern: 'random', written: 16, pagesPerSecond: 2_000 }, 32, 300),
  caseOf('near', { pattern: 'random', written: 64, pagesPerSecond: 5_000 }, 24, 200),
  caseOf('sweep', { pattern: 'sweep', written: 96, pagesPerSecond: 3_000 }, 32, 300),
  caseOf('never', { pattern: 'random', written: 64, pagesPerSecond: 20_000 }, 24, 200),
  {
    ...caseOf('throttled', { pattern: 'random', written: 64, pagesPerSecond: 12_000 }, 32, 200),
    forgetful: true,
    autoConverge: true,
  },
];

/** `written` and the bandwidth in MiB. */
function caseOf(
  name: string,
  guest: Pick<QemuCase, 'pattern' | 'written' | 'pagesPerSecond'>,
  mib: number,
  downtimeMs: number,
): QemuCase {
  const written = guest.written * MIB;
  return { ...guest, name, memory: MEMORY, written, bandwidth: mib * MIB, downtimeMs };
}

const program = new Command('predict:qemu')
  .description(
    'what is predicted beside what the QEMU of this machine does, with guests of our own',
  )
  .argument('[CASES...]', `some of ${CASES.map(({ name }) => name).join(', ')} (all)`)
  .option('--keep <DIRECTORY>', 'where to write what QEMU answered')
  .action(async (names: string[], { keep }: { readonly keep?: string }) => {
    await run(names, keep);
  });
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`faultline: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function run(names: readonly string[], keep: string | undefined): Promise<void> {
  const version = qemuVersion();
  if (version === undefined) {
    throw new InputError('expected qemu-system-x86_64 on this machine, got none: nothing measured');
  }
  const known = CASES.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InputError(`expected some of ${known.join(', ')}, got '${unknown}'`);
  }
  const comparisons: Comparison[] = [];
  for (const of of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const measured = await migrateCase(of);
    if (keep !== undefined) await write(join(keep, of.name), measured);
    comparisons.push(compare(of, measured));
  }
  process.stdout.write(`${version}, emulated\nby rates, by log : actual\n`);
  process.stdout.write(`${comparisonTable(comparisons)}\n`);
}

async function write(directory: string, { rates, log, text }: Measured): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'query-dirty-rate.jsonl'), rates);
  await writeFile(join(directory, 'query-migrate.jsonl'), log);
  await writeFile(join(directory, 'info-migrate.txt'), text);
}
