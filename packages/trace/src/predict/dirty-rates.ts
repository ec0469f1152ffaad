// Dirty rates as QEMU's calc-dirty-rate leaves them (query-dirty-rate in JSON, `info dirty_rate` in text), as libvirt repeats
// them (`virsh domstats --dirtyrate`), and as a CSV with a head of the same names. MB/s is MiB/s there.
//
// A rate is the pages that were dirty at the end of calc-time, divided by it: for QEMU's modes dirty-bitmap and dirty-ring
// that is measured, for page-sampling it is estimated from hashes of sample pages.
import { type JsonObject, jsonObjects, numberAt } from './json-objects.ts';
import type { RatePoint } from './rate-load.ts';
import type { RecordedLoad } from './recorded-load.ts';

const PAGE_SIZE = 4096;
const MIB = 2 ** 20;
const SECONDS: Readonly<Record<string, number>> = {
  second: 1,
  sec: 1,
  millisecond: 1e-3,
  ms: 1e-3,
};

const pointOf = (mbps: number, seconds: number): RatePoint => {
  return { seconds, pages: (mbps * MIB * seconds) / PAGE_SIZE };
};

export function dirtyRates(text: string): RecordedLoad | undefined {
  const found = fromJson(text) ?? fromMonitor(text) ?? fromDomstats(text) ?? fromCsv(text);
  return found && { ...found, pageSize: PAGE_SIZE, switchOver: 'pending' };
}

type Found = Pick<RecordedLoad, 'format' | 'samples'> | undefined;

function fromJson(text: string): Found {
  const objects = jsonObjects(text)?.filter(
    (object) => 'dirty-rate' in object || 'calc-time' in object,
  );
  if (objects === undefined || objects.length === 0) return undefined;
  const samples = objects.flatMap(jsonPoint);
  if (samples.length === 0) throw new SyntaxError('no measurement that had been finished');
  return { format: 'QEMU query-dirty-rate', samples };
}

/** One that is not finished has no rate. */
function jsonPoint(object: JsonObject): RatePoint[] {
  const rate = numberAt(object, 'dirty-rate');
  if (rate === undefined) return [];
  const unit = object['calc-time-unit'] ?? 'second';
  const factor = SECONDS[String(unit)];
  if (factor === undefined) throw new SyntaxError(`calc-time-unit: ${JSON.stringify(unit)}`);
  return [pointOf(rate, (numberAt(object, 'calc-time') ?? 1) * factor)];
}

function fromMonitor(text: string): Found {
  if (!/^\s*Dirty rate: /m.test(text)) return undefined;
  const samples: RatePoint[] = [];
  let seconds = 1;
  for (const [, period, unit, rate] of text.matchAll(
    /^\s*(?:Period: (\d+) \((sec|ms)\)|Dirty rate: (\d+) \(MB\/s\))/gm,
  )) {
    if (rate !== undefined) samples.push(pointOf(Number(rate), seconds));
    else seconds = Number(period) * (SECONDS[unit as string] as number);
  }
  if (samples.length === 0) throw new SyntaxError('no measurement that had been finished');
  return { format: 'QEMU info dirty_rate', samples };
}

function fromDomstats(text: string): Found {
  const samples: RatePoint[] = [];
  let seconds = 1;
  for (const [, field, value] of text.matchAll(
    /dirtyrate\.(calc_period|megabytes_per_second)=(\d+)/g,
  )) {
    if (field === 'calc_period') seconds = Number(value);
    else samples.push(pointOf(Number(value), seconds));
  }
  return samples.length === 0 ? undefined : { format: 'libvirt domstats', samples };
}

function fromCsv(text: string): Found {
  const [head = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const names = head.split(',').map((name) => name.trim().toLowerCase().replaceAll('_', '-'));
  const rateAt = names.indexOf('dirty-rate');
  if (rateAt < 0) return undefined;
  const timeAt = names.indexOf('calc-time');
  const samples = lines.map((line, i) => {
    const cells = line.split(',');
    const rate = cell(cells, rateAt, i + 2, 'dirty-rate');
    return pointOf(rate, timeAt < 0 ? 1 : cell(cells, timeAt, i + 2, 'calc-time'));
  });
  if (samples.length === 0) throw new SyntaxError('a head and no line below it');
  return { format: 'CSV of dirty rates', samples };
}

function cell(cells: readonly string[], at: number, line: number, name: string): number {
  const text = cells[at]?.trim() ?? '';
  const value = text === '' ? Number.NaN : Number(text);
  if (value >= 0) return value;
  throw new SyntaxError(`line ${line}: ${name} "${text}", which is no number from 0`);
}
