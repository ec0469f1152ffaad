// What a migration is asked with: by an option, else by what the input shows, else by what VMMs take when nobody says.
import {
  DEFAULT_ROUND_COST,
  type MigrationParameters,
  type RoundCost,
  roundCostOf,
  type SwitchOver,
} from '@faultline/trace';
import type { PredictInput } from './load.ts';

export interface ParameterOptions {
  readonly bandwidth?: number;
  readonly switchoverBandwidth?: number;
  readonly downtimeMs: number;
  readonly timeoutS: number;
  readonly completionTimeoutPerGib?: number;
  readonly progressTimeoutS: number;
  readonly compressionRatio: number;
  readonly setupMs: number;
  readonly overheadMs?: number;
  readonly stateMs: number;
  readonly switchOver?: SwitchOver;
  readonly dirtyRingSize: number;
  readonly reapIntervalMs?: number;
  readonly vcpus?: number;
}

/** Where the cost of a round is known from. */
export type CostSource = 'option' | 'input' | 'default';

export interface Resolved {
  readonly parameters: MigrationParameters;
  readonly costSource: CostSource;
}

const GIB = 2 ** 30;
/** QEMU's max-bandwidth. */
const BANDWIDTH = 128 * 2 ** 20;

export function resolve(input: PredictInput, options: ParameterOptions): Resolved {
  const { recorded } = input;
  const { dirtyRingSize, reapIntervalMs } = options;
  const { roundCost, costSource } = costOf(input, options);
  const bandwidth = options.bandwidth ?? recorded?.bandwidth ?? BANDWIDTH;
  const parameters: MigrationParameters = {
    bandwidth,
    switchoverBandwidth: options.switchoverBandwidth ?? recorded?.switchoverBandwidth ?? bandwidth,
    downtimeMs: options.downtimeMs,
    timeoutS: timeoutOf(input, options),
    progressTimeoutS: options.progressTimeoutS,
    compressionRatio: options.compressionRatio,
    setupMs: options.setupMs,
    roundCost,
    stateMs: options.stateMs,
    switchOver: options.switchOver ?? recorded?.switchOver ?? 'pending',
    ring: { size: dirtyRingSize, reapIntervalMs, vcpuShares: sharesOf(input, options) },
  };
  return { parameters, costSource };
}

function timeoutOf(
  { loads: { pages } }: PredictInput,
  { completionTimeoutPerGib, timeoutS }: ParameterOptions,
): number {
  if (completionTimeoutPerGib === undefined) return timeoutS;
  return completionTimeoutPerGib * Math.max(1, (pages.memoryPages * pages.pageSize) / GIB);
}

function costOf(
  { history, recorded }: PredictInput,
  { overheadMs }: ParameterOptions,
): { roundCost: RoundCost; costSource: CostSource } {
  if (overheadMs !== undefined) {
    return { roundCost: { ms: overheadMs, nsPerPage: 0 }, costSource: 'option' };
  }
  const measured = roundCostOf(history?.harvests ?? recorded?.harvests ?? []);
  return measured === undefined
    ? { roundCost: DEFAULT_ROUND_COST, costSource: 'default' }
    : { roundCost: measured, costSource: 'input' };
}

/** Of a trace as it shows them, of anything else evenly. */
function sharesOf({ history }: PredictInput, { vcpus }: ParameterOptions): readonly number[] {
  const shown = history?.vcpuShares ?? [];
  if (vcpus === undefined && shown.length > 0) return shown;
  return Array.from({ length: vcpus ?? 1 }, () => 1 / (vcpus ?? 1));
}
