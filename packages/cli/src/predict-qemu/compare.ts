// What is predicted from the rates that QEMU measured before, and from the log of the migration itself, beside what happened.
import {
  DEFAULT_ROUND_COST,
  type MigrationParameters,
  type MigrationRun,
  predict,
  RateLoad,
  type RecordedLoad,
  readRecordedLoad,
  type StrategyPrediction,
} from '@faultline/trace';
import { formatSeconds } from '../quantity.ts';
import { count, figure, formatTable, type Row } from '../table.ts';
import type { Measured, MigrateReply, QemuCase } from './migrate-case.ts';

export interface Comparison {
  readonly of: QemuCase;
  readonly byRates: MigrationRun;
  readonly byLog: MigrationRun;
  /** Undefined: it was cancelled. */
  readonly actual: MigrateReply | undefined;
  readonly throttle: number;
}

const PAGE = 4096;
const MIB = 2 ** 20;
/** One as the log is begun, and one with the guest stopped: neither ends a round. */
const OTHER_SYNCS = 2;

export function compare(of: QemuCase, { rates, log, replies }: Measured): Comparison {
  const last = replies.at(-1);
  const tried = recorded('query-migrate', log);
  return {
    of,
    // What the rest was sent at only a migration says.
    byRates: runOf(of, { ...tried, samples: recorded('query-dirty-rate', rates).samples }),
    byLog: runOf(of, tried),
    actual: last?.status === 'completed' ? last : undefined,
    throttle: Math.max(0, ...replies.map((reply) => reply['cpu-throttle-percentage'] ?? 0)),
  };
}

function recorded(name: string, text: string): RecordedLoad {
  const load = readRecordedLoad(name, text);
  if (load === undefined) throw new Error(`${name}: expected what QEMU answers, got none of it`);
  return load;
}

function runOf(of: QemuCase, load: RecordedLoad): MigrationRun {
  const pages = new RateLoad(load.samples, (load.memory ?? of.memory) / PAGE, PAGE);
  const parameters: MigrationParameters = {
    bandwidth: of.bandwidth,
    switchoverBandwidth: load.switchoverBandwidth ?? of.bandwidth,
    downtimeMs: of.downtimeMs,
    timeoutS: 3600,
    progressTimeoutS: 0,
    compressionRatio: 1,
    setupMs: 0,
    roundCost: DEFAULT_ROUND_COST,
    stateMs: 0,
    switchOver: 'pending',
    ring: { size: 4096, vcpuShares: [1] },
  };
  const strategy = of.autoConverge ? 'auto-converge' : 'precopy';
  return (predict({ pages }, [strategy], parameters)[0] as StrategyPrediction).run;
}

/** Each cell `by rates, by log : actual`. */
export const comparisonTable = (all: readonly Comparison[]): string =>
  formatTable(
    ['rounds', 'total', 'rest, MiB', 'downtime', 'throttled, %'],
    all.map(({ of, byRates, byLog, actual, throttle }): Row => {
      const cell = (predicted: (run: MigrationRun) => string, got: string): string => {
        const each = [byRates, byLog].map((run) => (run.converges ? predicted(run) : 'never'));
        return `${each.join(', ')} : ${actual === undefined ? 'never' : got}`;
      };
      const seconds = (ms = 0): string => formatSeconds(ms / 1000);
      const rest = (bytes = 0): string => figure(bytes / MIB);
      const syncs = actual?.ram?.['dirty-sync-count'] ?? 0;
      return {
        name: of.name,
        cells: [
          cell((run) => count(run.rounds.length), count(syncs - OTHER_SYNCS)),
          cell((run) => formatSeconds(run.totalS), seconds(actual?.['total-time'])),
          cell(
            (run) => rest(run.rounds.at(-1)?.remainingBytes),
            rest(actual?.ram?.['downtime-bytes']),
          ),
          cell((run) => seconds(run.downtimeMs), seconds(actual?.downtime)),
          of.autoConverge
            ? cell((run) => count(run.rounds.at(-1)?.throttlePercent ?? 0), count(throttle))
            : '',
        ],
      };
    }),
  );
