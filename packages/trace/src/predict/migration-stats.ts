// A migration as QEMU's monitor tells it while it runs: query-migrate in JSON, or `info migrate` in text, asked once or again and
// again. Each count of dirty syncs ends a round, whose dirty-pages-rate is of the time since the sync before.
import { isObject, type JsonObject, jsonObjects, numberAt } from './json-objects.ts';
import type { RatePoint } from './rate-load.ts';
import type { RecordedLoad } from './recorded-load.ts';

/** Milliseconds, bytes, pages a second, megabits a second. */
interface Stats {
  readonly totalTime: number;
  readonly total: number;
  readonly pageSize: number;
  readonly dirtySyncCount: number;
  readonly dirtyPagesRate: number;
  readonly mbps: number;
}

const PAGE_SIZE = 4096;
/** QEMU does not take a rate over less. */
const LEAST_SECONDS = 1;
const KBYTE = 1024;

export function migrationStats(text: string): RecordedLoad | undefined {
  const json = jsonObjects(text)?.filter(({ ram }) => isObject(ram));
  const stats = json === undefined ? fromMonitor(text) : json.map(fromJson);
  const first = stats[0];
  if (first === undefined) return undefined;
  const samples = samplesOf(stats);
  if (samples.length === 0) throw new SyntaxError('statistics from before the first dirty rate');
  const carried = stats.filter(({ mbps }) => mbps > 0);
  const mbps = carried.reduce((sum, each) => sum + each.mbps, 0) / Math.max(1, carried.length);
  return {
    format: json === undefined ? 'QEMU info migrate' : 'QEMU query-migrate',
    samples,
    pageSize: first.pageSize,
    memory: first.total === 0 ? undefined : first.total,
    bandwidth: mbps === 0 ? undefined : (mbps * 1e6) / 8,
    switchOver: 'pending',
  };
}

/** One for each sync that was seen with a rate. */
function samplesOf(stats: readonly Stats[]): RatePoint[] {
  const samples: RatePoint[] = [];
  let before: Stats | undefined;
  for (const now of stats) {
    if (before !== undefined && now.dirtySyncCount === before.dirtySyncCount) continue;
    const seconds = before === undefined ? 0 : (now.totalTime - before.totalTime) / 1000;
    before = now;
    if (now.dirtyPagesRate === 0) continue;
    const period = Math.max(LEAST_SECONDS, seconds);
    samples.push({ seconds: period, pages: now.dirtyPagesRate * period });
  }
  return samples;
}

function fromJson(object: JsonObject): Stats {
  const ram = object.ram as JsonObject;
  return {
    totalTime: numberAt(object, 'total-time') ?? 0,
    total: numberAt(ram, 'total') ?? 0,
    pageSize: numberAt(ram, 'page-size') ?? PAGE_SIZE,
    dirtySyncCount: numberAt(ram, 'dirty-sync-count') ?? 0,
    dirtyPagesRate: numberAt(ram, 'dirty-pages-rate') ?? 0,
    mbps: numberAt(ram, 'mbps') ?? 0,
  };
}

/** `info migrate`, as many times as it was asked: each answer has one "total ram". */
function fromMonitor(text: string): Stats[] {
  return text
    .split(/^(?=.*Migration status: )/m)
    .filter((answer) => /total ram: \d+ kbytes/.test(answer))
    .map((answer) => {
      const of = (pattern: RegExp): number => Number(pattern.exec(answer)?.[1] ?? 0);
      return {
        totalTime: of(/total time: (\d+) (?:ms|milliseconds)/),
        total: of(/total ram: (\d+) kbytes/) * KBYTE,
        pageSize: of(/page size: (\d+) kbytes/) * KBYTE || PAGE_SIZE,
        dirtySyncCount: of(/dirty sync count: (\d+)/),
        dirtyPagesRate: of(/dirty pages rate: (\d+)/),
        mbps: of(/throughput: ([\d.]+) mbps/),
      };
    });
}
