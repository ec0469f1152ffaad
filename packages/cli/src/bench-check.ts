// npm run bench:check: the published model of the 2012 race, checked here and by SPIN, as ratios within one run.
//
// Each of our searches has a process of its own, as a user's has: `--one` is that process.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { check, type Search } from '@faultline/checker';
import { type SeedVariant, seedModel } from '@faultline/litmus';
import { Command } from 'commander';
import { type PanRun, pan } from './bench-check/pan.ts';
import { Progress } from './progress.ts';
import { count, figure, formatTable, type Row } from './table.ts';
import { whole } from './words.ts';

const run = promisify(execFile);
const VARIANTS: readonly SeedVariant[] = ['safe', 'unsafe', 'mail'];
const ORDERS = [
  ['fast0', 'slow0', 'ksm'],
  ['fast0', 'ksm', 'slow0'],
  ['slow0', 'fast0', 'ksm'],
  ['slow0', 'ksm', 'fast0'],
  ['ksm', 'fast0', 'slow0'],
  ['ksm', 'slow0', 'fast0'],
];

function middle<Run extends { readonly ms: number }>(runs: readonly Run[]): Run {
  return [...runs].sort((a, b) => a.ms - b.ms)[runs.length >> 1] as Run;
}

/** One search of ours: `ms` of the search alone, `toAnswerMs` of the whole process. */
interface OurRun {
  readonly verdict: string;
  readonly states: number;
  readonly executions: number;
  readonly ms: number;
  readonly toAnswerMs: number;
  readonly bytesPerState: number;
}

interface Options {
  readonly rounds: number;
  readonly largest: number;
  readonly one?: string;
}

const program = new Command('bench-check')
  .description('check the published model here and by SPIN, and say who was faster')
  .option('--rounds <N>', 'runs of each, of which the median counts', whole(1, 99), 3)
  .option('--largest <N>', 'up to N fast and N slow faults', whole(1, 4), 4)
  .option('--one <WORDS>', 'one search: variant, fast, slow, search, symmetry')
  .action(async ({ one, rounds, largest }: Options) => {
    if (one !== undefined) searchOnce(one);
    else await bench(rounds, largest);
  });
await program.parseAsync();

function searchOnce(words: string): void {
  const [variant, fast, slow, search, symmetry] = words.split(' ') as [
    SeedVariant,
    string,
    string,
    Search,
    string,
  ];
  const model = seedModel(variant, Number(fast), Number(slow));
  const began = performance.now();
  const verdict = check(model, { search, symmetry: symmetry === 'symmetry', minimize: false });
  const ms = performance.now() - began;
  const { states, executions, bytesPerState } = verdict;
  process.stdout.write(
    JSON.stringify({ verdict: verdict.verdict, states, executions, ms, bytesPerState }),
  );
}

async function ours(words: string, rounds: number): Promise<OurRun> {
  const runs: OurRun[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const { stdout } = await run(process.execPath, [
      fileURLToPath(import.meta.url),
      '--one',
      words,
    ]);
    const found = JSON.parse(stdout) as Omit<OurRun, 'toAnswerMs'>;
    runs.push({ ...found, toAnswerMs: performance.now() - began });
  }
  return middle(runs);
}

async function theirs(
  variant: SeedVariant,
  n: number,
  rounds: number,
): Promise<PanRun | undefined> {
  const runs: PanRun[] = [];
  for (let round = 0; round < rounds; round++) {
    const found = await pan(variant, n, n);
    if (found === undefined) return undefined;
    runs.push(found);
  }
  return middle(runs);
}

async function bench(rounds: number, largest: number): Promise<void> {
  process.stdout.write(`${published()}\n\n`);
  process.stdout.write(`${firstBugs()}\n\n`);
  const progress = new Progress();
  const rows: Row[] = [];
  for (const variant of VARIANTS) {
    for (let n = 1; n <= largest; n++) {
      progress.show(`bench:check: ${variant} ${n}+${n}`);
      rows.push(await compared(variant, n, n === 4 ? 1 : rounds));
    }
  }
  progress.clear();
  const head = [
    '',
    'states',
    'search ms',
    'to answer',
    'B/state',
    'all threads told apart',
    'pan states',
    'pan ms',
    'to answer',
    'B/state',
    'ours : pan',
    'answers',
  ];
  process.stdout.write(`${formatTable(head.slice(1), rows)}\n\n${STATEMENT}\n`);
}

/** The counts that yardsticks/seed-model.mjs publishes: executions by source-DPOR. */
function published(): string {
  const rows = (
    [
      ['safe', 1, 1, 22],
      ['safe', 2, 1, 142],
      ['safe', 1, 2, 222],
      ['safe', 3, 1, 1396],
      ['safe', 1, 3, 2844],
      ['safe', 2, 2, 1868],
      ['safe', 3, 3, 456_540],
      ['unsafe', 1, 1, 23],
      ['mail', 1, 1, 27],
    ] as const
  ).map(([variant, fast, slow, expected]): Row => {
    const began = performance.now();
    const verdict = check(seedModel(variant, fast, slow), {
      search: 'dpor',
      countBad: true,
      minimize: false,
    });
    const stateful = check(seedModel(variant, fast, slow), { minimize: false });
    const equal = verdict.certificate === stateful.certificate ? 'equal' : 'DIFFER';
    return {
      name: `${variant} ${fast}+${slow}`,
      cells: [
        count(verdict.executions),
        count(expected),
        verdict.executions === expected ? 'met' : 'MISSED',
        count(verdict.bad ?? 0),
        variant === 'safe' ? equal : '-',
        `${count(performance.now() - began)} ms`,
      ],
    };
  });
  return formatTable(
    ['executions', 'published', '', 'of them bad', 'ends, dpor : states', 'both'],
    rows,
  );
}

/** Executions until the first bug, for every order in which threads are tried. */
function firstBugs(): string {
  const rows = (['unsafe', 'mail'] as const).map((variant): Row => {
    const counts = ORDERS.map(
      (order) =>
        check(seedModel(variant, 1, 1), { search: 'dpor', order, minimize: false }).executions,
    );
    const bar = variant === 'unsafe' ? 8 : 15;
    const most = Math.max(...counts);
    return {
      name: variant,
      cells: [...counts.map(count), `<= ${bar}`, most <= bar ? 'met' : 'MISSED'],
    };
  });
  return formatTable(
    ['first bug, by order of threads: fsk', 'fks', 'sfk', 'skf', 'kfs', 'ksf', 'bar', ''],
    rows,
  );
}

async function compared(variant: SeedVariant, n: number, rounds: number): Promise<Row> {
  const model = `${variant} ${n} ${n} states`;
  const spin = await theirs(variant, n, rounds);
  const mine = await ours(`${model} symmetry`, rounds);
  const apart = await ours(`${model} apart`, rounds);
  const none = '-';
  return {
    name: `${variant} ${n}+${n}`,
    cells: [
      count(mine.states),
      figure(mine.ms),
      count(mine.toAnswerMs),
      count(mine.bytesPerState),
      `${count(apart.states)} in ${figure(apart.ms)} ms`,
      spin === undefined ? 'no SPIN' : count(spin.states),
      spin === undefined ? none : figure(spin.ms),
      spin === undefined ? none : count(spin.toAnswerMs),
      spin === undefined ? none : count(spin.bytesPerState),
      spin === undefined ? none : `${(mine.ms / spin.ms).toFixed(2)}`,
      spin === undefined ? none : `${(mine.toAnswerMs / spin.toAnswerMs).toFixed(2)}`,
    ],
  };
}

const STATEMENT = `Both search every state once; pan with its partial-order reduction, ours with threads of one body taken for one another
(SPIN has no such reduction; "told apart" is ours without it). "To answer" is everything between the question and the answer:
for SPIN, spin -a, gcc -O2 and pan; for ours, a fresh Node process. SPIN wins where its model is checked again and again
without being compiled anew, where states number tens of millions and have no symmetry (pan stores and steps faster than
JavaScript does, and compresses states on request), and where liveness has to be said in temporal logic.`;
