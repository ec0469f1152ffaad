// What the prediction is made from, and for which migration.
import {
  gaps,
  type MigrationParameters,
  type RoundCost,
  type RoundsSource,
  type SwitchOver,
} from '@faultline/trace';
import { formatBandwidth, formatSeconds, formatSize } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import { duration, plural } from '../../report/units.ts';
import { count } from '../../table.ts';
import type { PredictInput } from '../load.ts';
import type { Prediction } from '../prediction.ts';

export function input(prediction: Prediction): Section {
  const { input: of, parameters } = prediction;
  const { name, loads, history, summary } = of;
  const { pages } = loads;
  const { downtimeMs, timeoutS, switchOver } = parameters;
  const memory = formatSize(pages.memoryPages * pages.pageSize);
  const unknown = history?.isMemoryKnown === false ? ' (all that was written: give --memory)' : '';
  return {
    title: `${name}: ${watched(of)}`,
    sentences: [
      `${memory} of memory${unknown}, pages of ${formatSize(pages.pageSize)}`,
      `at ${speeds(parameters)}, downtime at most ${count(downtimeMs)} ms, timeout ${count(timeoutS)} s`,
      LOOKS[switchOver],
      ...costs(prediction),
      ...(summary === undefined ? [] : gaps(summary)),
    ],
  };
}

function speeds({ bandwidth, switchoverBandwidth }: MigrationParameters): string {
  const rest = `, the rest at ${formatBandwidth(switchoverBandwidth)}`;
  return `${formatBandwidth(bandwidth)}${switchoverBandwidth === bandwidth ? '' : rest}`;
}

const LOOKS: Readonly<Record<SwitchOver, string>> = {
  pending: 'switches over as soon as what is pending fits, in the middle of a round too (QEMU)',
  'round-end': 'switches over at the end of a round whose rest fits (cloud-hypervisor)',
};

/** Beside the sending; and where that is known from. */
function costs({ input: { history, recorded }, parameters, costSource }: Prediction): string[] {
  const { setupMs, stateMs, roundCost } = parameters;
  const harvests = (history?.harvests ?? recorded?.harvests ?? []).length;
  const from = {
    option: '--overhead-ms',
    input: `${plural(harvests, 'harvest')} of this ${recorded === undefined ? 'trace' : 'log'}`,
    default: 'assumption; --overhead-ms says otherwise',
  }[costSource];
  const [setup, state] = [setupMs, stateMs].map((ms) => formatSeconds(ms / 1000));
  return [
    `the harvest at a round's end takes ${harvestWords(roundCost)}, by ${from}`,
    `${setup} of setup, ${state} to stop and hand over the state (--setup-ms, --state-ms)`,
  ];
}

function harvestWords({ ms, nsPerPage }: RoundCost): string {
  const each = formatSeconds(ms / 1000);
  if (nsPerPage === 0) return each;
  const perPage = `${duration(nsPerPage, 'ns')} a dirty page`;
  return ms === 0 ? perPage : `${each} and ${perPage}`;
}

const SOURCES: Readonly<Record<RoundsSource, string>> = {
  markers: "markers of the guest's driver",
  ioctls: "the VMM's ioctls",
  sptes: 'pages that lost W',
};

function watched({ history, recorded, loads: { pages } }: PredictInput): string {
  const time = formatSeconds(pages.watchedSeconds);
  if (history === undefined) {
    return `${recorded?.format}, ${plural(pages.windows, 'sample')} over ${time}`;
  }
  const log = history.log === undefined ? '' : `, ${history.log} log`;
  const running = history.windows.filter(({ isLast }) => !isLast);
  const windows = plural(running.length, 'window');
  return `${windows} between harvests, ${time}${log}, from ${SOURCES[history.source]}`;
}
