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

const STATEMENT = `Both search every state once: pan with its partial-order reduction, ours with threads of one body
taken for one another, for which SPIN has no like ("apart" is ours without it). The ms of pan are its
whole process, of which the start and a cleared table are a good part below 3+3; ours are the search in
a process that has just begun, its code not yet compiled. "To answer" is all that lies between question
and answer: for SPIN, spin -a, gcc -O2 and pan; for ours, a fresh Node process.
SPIN wins where one model is searched again and again without being compiled anew; where states number
tens of millions and have no symmetry, since pan stores and steps faster than JavaScript does and
compresses states on request; and where liveness has to be said in temporal logic.`;

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
  const compared: Compared[] = [];
  for (const variant of VARIANTS) {
    for (let n = 1; n <= largest; n++) {
      progress.show(`bench:check: ${variant} ${n}+${n}`);
      compared.push(await compare(variant, n, n === 4 ? 1 : rounds));
    }
  }
  progress.clear();
  process.stdout.write(`${searches(compared)}\n\n${answers(compared)}\n\n${STATEMENT}\n`);
}

interface Compared {
  readonly name: string;
  readonly n: number;
  readonly mine: OurRun;
  /** Without taking one thread for another. */
  readonly apart: OurRun;
  readonly spin: PanRun | undefined;
}

async function compare(variant: SeedVariant, n: number, rounds: number): Promise<Compared> {
  const model = `${variant} ${n} ${n} states`;
  const spin = await theirs(variant, n, rounds);
  const mine = await ours(`${model} symmetry`, rounds);
  const apart = await ours(`${model} apart`, rounds);
  return { name: `${variant} ${n}+${n}`, n, mine, apart, spin };
}

/** The search alone. Bars: no slower than pan to 3+3, a quarter of SPIN's time at 4+4. */
function searches(compared: readonly Compared[]): string {
  const rows = compared.map(({ name, n, mine, apart, spin }): Row => {
    const bar = n === 4 ? 0.25 : 1;
    const ratio = spin === undefined ? undefined : mine.ms / spin.ms;
    return {
      name,
      cells: [
        count(mine.states),
        figure(mine.ms),
        count(mine.bytesPerState),
        count(apart.states),
        figure(apart.ms),
        ...(spin === undefined
          ? ['no SPIN', '-', '-']
          : [count(spin.states), figure(spin.ms), count(spin.bytesPerState)]),
        ratio === undefined ? '-' : ratio.toFixed(2),
        `<= ${bar}`,
        ratio === undefined ? '-' : ratio <= bar ? 'met' : 'MISSED',
      ],
    };
  });
  const head = [
    'states',
    'ms',
    'B/state',
    'apart',
    'ms',
    'pan',
    'ms',
    'B/state',
    'ratio',
    'bar',
    '',
  ];
  return `The search alone\n${formatTable(head, rows)}`;
}

/** From the question to the answer. */
function answers(compared: readonly Compared[]): string {
  const rows = compared.map(({ name, mine, spin }): Row => {
    const [theirs, ratio] =
      spin === undefined
        ? ['-', '-']
        : [count(spin.toAnswerMs), (mine.toAnswerMs / spin.toAnswerMs).toFixed(2)];
    return { name, cells: [count(mine.toAnswerMs), theirs, ratio] };
  });
  return `To answer\n${formatTable(['ours ms', 'SPIN ms', 'ratio'], rows)}`;
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
