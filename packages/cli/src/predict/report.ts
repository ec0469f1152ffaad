// What `predict` prints: text for a terminal or a mail, Markdown for a ticket, JSON.
import type {
  Interval,
  MigrationParameters,
  MigrationRound,
  StrategyPrediction,
} from '@faultline/trace';
import { gaps, STRATEGY_NOTES } from '@faultline/trace';
import { formatBandwidth, formatSeconds, formatSize } from '../quantity.ts';
import { plural } from '../report/units.ts';
import { count, formatTable, type Row } from '../table.ts';
import { wrap } from '../wrap.ts';
import { advice } from './advice.ts';
import type { PredictInput } from './load.ts';

export const FORMATS = ['text', 'md', 'json'] as const;
export type Format = (typeof FORMATS)[number];

export interface PredictReport {
  readonly input: PredictInput;
  readonly parameters: MigrationParameters;
  readonly predictions: readonly StrategyPrediction[];
}

const CURVE_SECONDS = [0.01, 0.1, 0.3, 1, 3, 10, 100] as const;
/** Rounds that are listed from the begin, and from the end. */
const FIRST_ROUNDS = 8;
const LAST_ROUNDS = 3;
const MOST_MINIMA = 3;

export function predictReport(report: PredictReport, format: Format): string {
  if (format === 'json') return `${JSON.stringify(jsonOf(report))}\n`;
  return format === 'md' ? markdown(report) : text(report);
}

function text(report: PredictReport): string {
  const { input, parameters, predictions } = report;
  const [first] = predictions;
  const [title, ...notes] = heading(report);
  return [
    title,
    ...notes.map((note) => wrap(note, '  ', '    ', 100)),
    '',
    ...tableLines(curve(input)),
    ...extrapolated(input),
    '',
    ...tableLines(strategies(predictions)),
    ...(first === undefined ? [] : ['', ...tableLines(rounds(first))]),
    ...switchover(first),
    '',
    ...advice(predictions, parameters).map((line) =>
      wrap(line, '', line.startsWith('- ') ? '  ' : ''),
    ),
    '',
  ].join('\n');
}

function markdown(report: PredictReport): string {
  const { input, parameters, predictions } = report;
  const [first] = predictions;
  const [title, ...notes] = heading(report);
  return [
    `### ${title}`,
    '',
    ...notes.map((note) => `- ${note.trim()}`),
    '',
    ...markdownTable(strategies(predictions)),
    '',
    ...advice(predictions, parameters),
    '',
    '<details><summary>Working set and rounds</summary>',
    '',
    ...markdownTable(curve(input)),
    ...(first === undefined ? [] : ['', ...markdownTable(rounds(first)), ...switchover(first)]),
    '',
    '</details>',
    '',
  ].join('\n');
}

function jsonOf({ input, parameters, predictions }: PredictReport): object {
  const { name, loads, history, summary, recorded } = input;
  const { pages } = loads;
  return {
    schema: 'faultline/predict',
    version: 1,
    input: {
      name,
      format: recorded?.format ?? 'trace',
      source: history?.source,
      log: history?.log,
      windows: pages.windows,
      watchedS: pages.watchedSeconds,
      memoryBytes: pages.memoryPages * pages.pageSize,
      isMemoryKnown: history?.isMemoryKnown ?? true,
      pageSize: pages.pageSize,
      gaps: summary === undefined ? [] : gaps(summary),
    },
    parameters,
    workingSet: curvePoints(input).map(({ seconds, bytes, isExtrapolated }) => {
      return { seconds, pages: Math.round(bytes / pages.pageSize), bytes, isExtrapolated };
    }),
    strategies: predictions,
  };
}

function heading({ input, parameters }: PredictReport): string[] {
  const { loads, history, summary } = input;
  const { pages } = loads;
  const { downtimeMs, timeoutS, bandwidth } = parameters;
  const memory = formatSize(pages.memoryPages * pages.pageSize);
  const unknown = history?.isMemoryKnown === false ? ' (all that was written: give --memory)' : '';
  return [
    input.name,
    watched(input),
    `${memory} of memory${unknown}, pages of ${formatSize(pages.pageSize)}`,
    `at ${formatBandwidth(bandwidth)}, downtime at most ${count(downtimeMs)} ms, timeout ${count(timeoutS)} s`,
    ...(summary === undefined ? [] : gaps(summary)),
  ];
}

const SOURCES = {
  markers: "markers of the guest's driver",
  ioctls: 'ioctls of the VMM',
  sptes: 'pages that lost W',
} as const;

function watched({ history, recorded, loads: { pages } }: PredictInput): string {
  const time = formatSeconds(pages.watchedSeconds);
  if (history === undefined) {
    return `${recorded?.format}, ${plural(pages.windows, 'sample')} over ${time}`;
  }
  const log = history.log === undefined ? '' : `, ${history.log} log`;
  const running = history.windows.filter(({ isLast }) => !isLast);
  const windows = `${count(running.length)} windows between harvests`;
  return `${windows}, ${time}${log}; found by ${SOURCES[history.source]}`;
}

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly Row[];
  readonly leftAligned?: readonly number[];
}

const tableLines = ({ head, rows, leftAligned = [] }: Table): string[] => [
  formatTable(head, rows, { leftAligned }),
];

const markdownTable = ({ head, rows }: Table): string[] => [
  `| | ${head.join(' | ')} |`,
  `|---|${head.map(() => '---:|').join('')}`,
  ...rows.map(({ name, cells }) => `| ${name} | ${cells.join(' | ')} |`),
];

interface CurvePoint {
  readonly seconds: number;
  readonly bytes: number;
  readonly isExtrapolated: boolean;
}

/** The mean over windows. */
function curvePoints({ loads: { pages } }: PredictInput): CurvePoint[] {
  return CURVE_SECONDS.map((seconds) => {
    let sum = 0;
    for (let window = 0; window < pages.windows; window++) {
      sum += pages.written(seconds, ((window + 0.5) / pages.windows) * pages.watchedSeconds);
    }
    const bytes = Math.round(sum / pages.windows) * pages.pageSize;
    const isExtrapolated = seconds > pages.watchedSeconds || seconds < pages.leastSeconds;
    return { seconds, bytes, isExtrapolated };
  });
}

function curve(input: PredictInput): Table {
  const points = curvePoints(input);
  const mark = ({ isExtrapolated }: CurvePoint): string => (isExtrapolated ? '*' : '');
  return {
    head: points.map(({ seconds }) => formatLength(seconds)),
    rows: [
      {
        name: 'written within',
        cells: points.map((point) => `${formatSize(point.bytes)}${mark(point)}`),
      },
    ],
  };
}

const extrapolated = (input: PredictInput): string[] =>
  curvePoints(input).some(({ isExtrapolated }) => isExtrapolated)
    ? ['  * longer, or shorter, than was recorded']
    : [];

const formatLength = (seconds: number): string =>
  seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;

const strategies = (predictions: readonly StrategyPrediction[]): Table => ({
  head: ['converges', 'rounds', 'total', '5 to 95 %', 'downtime', 'sent', 'faults', 'needs'],
  rows: predictions.map((prediction) => ({
    name: prediction.strategy,
    cells: prediction.run.converges ? convergingCells(prediction) : otherCells(prediction),
  })),
});

function convergingCells(prediction: StrategyPrediction): string[] {
  const { run, totalS, convergesShare } = prediction;
  return [
    `yes${share(convergesShare, true)}`,
    count(run.rounds.length),
    formatSeconds(run.totalS),
    between(totalS),
    formatSeconds(run.downtimeMs / 1000),
    formatSize(run.sentBytes),
    count(run.faults),
    needs(prediction),
  ];
}

/** How long it would go on, and send, says nothing. */
function otherCells(prediction: StrategyPrediction): string[] {
  const { run, convergesShare } = prediction;
  const least = `>= ${formatSeconds(run.downtimeMs / 1000)}`;
  return [`no${share(convergesShare, false)}`, '', '', '', least, '', '', needs(prediction)];
}

function needs({ strategy, breakEvenBandwidth }: StrategyPrediction): string {
  if (strategy === 'postcopy') return 'any';
  return breakEvenBandwidth === undefined ? '-' : formatBandwidth(breakEvenBandwidth);
}

/** Said where the draws do not agree. */
function share(convergesShare: number, converges: boolean): string {
  if (convergesShare === (converges ? 1 : 0)) return '';
  return ` (${Math.round(convergesShare * 100)} %)`;
}

function between({ p5, p95 }: Interval): string {
  const [from, to] = [formatSeconds(p5), formatSeconds(p95)];
  return from === to ? from : `${from}-${to}`;
}

function rounds({ strategy, run }: StrategyPrediction): Table {
  const { rounds: all } = run;
  const isLong = all.length > FIRST_ROUNDS + LAST_ROUNDS + 1;
  const gap: Row = { name: '  ...', cells: [] };
  const listed = isLong
    ? [...all.slice(0, FIRST_ROUNDS).map(roundRow), gap, ...all.slice(-LAST_ROUNDS).map(roundRow)]
    : all.map(roundRow);
  return {
    head: [`sent, ${strategy}`, 'transfer', 'elapsed', 'remaining', 'est_downtime', 'throttle'],
    rows: listed,
  };
}

const roundRow = (round: MigrationRound): Row => ({
  name: `  iter ${round.iter}`,
  cells: [
    formatSize(round.bytes),
    formatSeconds(round.transferS),
    formatSeconds(round.elapsedS),
    formatSize(round.remainingBytes),
    formatSeconds(round.estDowntimeMs / 1000),
    `${round.throttlePercent} %`,
  ],
});

/** Local minima that beat all rounds before: others are not worth waiting for. */
function switchover(first: StrategyPrediction | undefined): string[] {
  if (first === undefined) return [];
  const { rounds: all } = first.run;
  let least = Number.POSITIVE_INFINITY;
  const better = first.localMinima.filter((iter) => {
    const remaining = all[iter]?.remainingBytes ?? 0;
    const isLess = remaining < least;
    least = Math.min(least, remaining);
    return isLess;
  });
  if (better.length === 0) return [];
  const listed = better.slice(0, MOST_MINIMA).map((iter) => {
    return `${iter} (${formatSize(all[iter]?.remainingBytes ?? 0)} left)`;
  });
  return [`  best rounds to switch over after: iter ${listed.join(', ')}`];
}

export const strategyNotes = (): string =>
  Object.entries(STRATEGY_NOTES)
    .map(([strategy, note]) => `  ${strategy.padEnd(14)}${note}`)
    .join('\n');
