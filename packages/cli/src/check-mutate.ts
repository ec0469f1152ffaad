// npm run check:mutate: every mutant of the shipped code on every litmus, and docs/mutations.md with --write.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { mutateAnswer } from './mutate/answer.ts';
import { markdown } from './mutate/report.ts';
import { whole } from './words.ts';

const PAGE = new URL('../../../docs/mutations.md', import.meta.url);
const MOST_JOBS = 256;

interface Options {
  readonly write?: true;
  readonly jobs: number;
}

const program = new Command('check-mutate')
  .description('change one operation or condition of the MMU at a time: some litmus must fail')
  .option('--write', 'write docs/mutations.md')
  .option('-j, --jobs <N>', 'worker threads', whole(1, MOST_JOBS), availableParallelism())
  .action(async ({ write, jobs: workers }: Options) => {
    const say = (text: string): void => {
      process.stdout.write(text);
    };
    const { out, code, outcome } = await mutateAnswer({ workers, format: 'text' }, say);
    say(out);
    if (write) writeFileSync(PAGE, markdown(outcome));
    process.exitCode = code;
  });
await program.parseAsync();
