// npm run check:deep: whatever is claimed to hold, searched in every way that must find everything. All complete searches of
// a program have one certificate: else one of them is wrong.
import { availableParallelism } from 'node:os';
import type { MemoryModel } from '@faultline/checker';
import { LITMUS } from '@faultline/litmus';
import { Command } from 'commander';
import { budget } from './check/budget.ts';
import { type Deep, deepReport, type Way, waysOf } from './check/deep.ts';
import { PLAIN } from './check/settings.ts';
import { type CheckJob, checkInWorkers } from './check-pool.ts';
import { Progress } from './progress.ts';
import { oneOf, whole } from './words.ts';

const MOST_JOBS = 256;

interface Options {
  readonly only?: string;
  readonly budget: string;
  readonly preemptions: number;
  readonly jobs: number;
}

const program = new Command('check-deep')
  .description('search each litmus that holds in every way, and compare what is found')
  .option('--only <NAME>', 'one litmus', oneOf(LITMUS.map(({ name }) => name)))
  .option('--budget <TIME>', 'for each search', '20s')
  .option('--preemptions <STATES>', 'by preemptions too, up to so many states', whole(0, 1e9), 2e4)
  .option('-j, --jobs <N>', 'worker threads', whole(1, MOST_JOBS), availableParallelism())
  .action(async (options: Options) => {
    const { out, code } = deepReport(await searchAll(options));
    process.stdout.write(out);
    process.exitCode = code;
  });
await program.parseAsync();

async function searchAll({ only, budget: time, preemptions, jobs }: Options): Promise<Deep[]> {
  const deeps = LITMUS.filter(({ name, result }) => result === 'Never' && name === (only ?? name))
    .flatMap(({ name, models = ['sc'] }) => models.map((model) => ({ name, model })))
    .map((of): Deep => ({ ...of, found: {} }));
  const settings = { ...PLAIN, symmetry: false, budget: budget(time, {}) };
  const progress = new Progress();
  const search = async (todo: readonly { deep: Deep; way: Way }[]): Promise<void> => {
    let done = 0;
    await checkInWorkers(
      todo.map(({ deep: { name, model }, way }): CheckJob => {
        return { name, model, settings: { ...settings, ...waysOf(model)[way] } };
      }),
      jobs,
      {
        done(index, checked) {
          const { deep, way } = todo[index] as (typeof todo)[number];
          deep.found[way] = checked;
          progress.show(`check:deep: ${++done} of ${todo.length} searches`);
        },
      },
    );
    progress.clear();
  };
  const first = (model: MemoryModel): readonly Way[] =>
    (Object.keys(waysOf(model)) as Way[]).filter((way) => way !== 'preemptions');
  await search(deeps.flatMap((deep) => first(deep.model).map((way) => ({ deep, way }))));
  const small = deeps.filter(({ found: { states } }) => {
    if (states === undefined || 'error' in states) return false;
    return states.verdict.verdict === 'holds' && states.verdict.states <= preemptions;
  });
  await search(small.map((deep) => ({ deep, way: 'preemptions' })));
  return deeps;
}
