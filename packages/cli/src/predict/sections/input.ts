// What the prediction is made from, and for which migration.
import { gaps, type RoundsSource } from '@faultline/trace';
import { formatBandwidth, formatSeconds, formatSize } from '../../quantity.ts';
import type { Section } from '../../report/section.ts';
import { plural } from '../../report/units.ts';
import { count } from '../../table.ts';
import type { PredictInput } from '../load.ts';
import type { Prediction } from '../prediction.ts';

export function input({ input: of, parameters }: Prediction): Section {
  const { name, loads, history, summary } = of;
  const { pages } = loads;
  const { downtimeMs, timeoutS, bandwidth } = parameters;
  const memory = formatSize(pages.memoryPages * pages.pageSize);
  const unknown = history?.isMemoryKnown === false ? ' (all that was written: give --memory)' : '';
  return {
    title: `${name}: ${watched(of)}`,
    sentences: [
      `${memory} of memory${unknown}, pages of ${formatSize(pages.pageSize)}`,
      `at ${formatBandwidth(bandwidth)}, downtime at most ${count(downtimeMs)} ms, timeout ${count(timeoutS)} s`,
      ...(summary === undefined ? [] : gaps(summary)),
    ],
  };
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
