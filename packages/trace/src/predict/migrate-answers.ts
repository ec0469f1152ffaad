// What QEMU's monitor answers while a migration runs: query-migrate in JSON, or `info migrate` in text, asked once or again and
// again. Before the first round, and once it was cancelled, an answer says nothing of memory, and is left out.
import { isObject, type JsonObject, jsonObjects, numberAt } from './json-objects.ts';

/** Milliseconds, bytes, pages a second, megabits a second, percent. */
export interface MigrateAnswer {
  /** The guest runs, but for a moment: not set up any more, nor completed. */
  readonly isActive: boolean;
  readonly totalTime: number;
  readonly setupTime: number;
  readonly downtime: number;
  readonly total: number;
  readonly remaining: number;
  readonly pageSize: number;
  /** Pages that were sent, zero ones among them; undefined: it does not say. */
  readonly sentPages: number | undefined;
  readonly zeroPages: number;
  readonly downtimeBytes: number;
  readonly dirtySyncCount: number;
  readonly dirtyPagesRate: number;
  readonly mbps: number;
  readonly throttle: number;
}

export interface MigrateAnswers {
  readonly format: string;
  readonly answers: readonly MigrateAnswer[];
}

const PAGE_SIZE = 4096;
const KBYTE = 1024;

export function migrateAnswers(text: string): MigrateAnswers {
  const json = jsonObjects(text)?.filter(({ ram }) => isObject(ram));
  return json === undefined
    ? { format: 'QEMU info migrate', answers: fromMonitor(text) }
    : { format: 'QEMU query-migrate', answers: json.map(fromJson) };
}

function fromJson(object: JsonObject): MigrateAnswer {
  const ram = object.ram as JsonObject;
  const of = (field: string): number => numberAt(ram, field) ?? 0;
  const pagesOf = (part: unknown): number => (isObject(part) ? (numberAt(part, 'pages') ?? 0) : 0);
  const zeroPages = of('duplicate');
  const encoded = pagesOf(object['xbzrle-cache']) + pagesOf(object.compression);
  return {
    isActive: object.status === 'active',
    totalTime: numberAt(object, 'total-time') ?? 0,
    setupTime: numberAt(object, 'setup-time') ?? 0,
    downtime: numberAt(object, 'downtime') ?? 0,
    total: of('total'),
    remaining: of('remaining'),
    pageSize: of('page-size') || PAGE_SIZE,
    sentPages: 'normal' in ram ? of('normal') + zeroPages + encoded : undefined,
    zeroPages,
    downtimeBytes: of('downtime-bytes'),
    dirtySyncCount: of('dirty-sync-count'),
    dirtyPagesRate: of('dirty-pages-rate'),
    mbps: of('mbps'),
    throttle: numberAt(object, 'cpu-throttle-percentage') ?? 0,
  };
}

/** Each answer has one "total ram". */
function fromMonitor(text: string): MigrateAnswer[] {
  return text
    .split(/^(?=.*Migration status: )/m)
    .filter((answer) => /total ram: \d+ kbytes/.test(answer))
    .map(fromLines);
}

function fromLines(answer: string): MigrateAnswer {
  const of = (pattern: RegExp): number => Number(pattern.exec(answer)?.[1] ?? 0);
  const zeroPages = of(/duplicate: (\d+) pages/);
  const encoded = of(/xbzrle pages: (\d+) pages/) + of(/compression pages: (\d+) pages/);
  return {
    isActive: /Migration status: active/.test(answer),
    totalTime: of(/total time: (\d+) (?:ms|milliseconds)/),
    setupTime: of(/setup: (\d+) (?:ms|milliseconds)/),
    downtime: of(/^downtime: (\d+) (?:ms|milliseconds)/m),
    total: of(/total ram: (\d+) kbytes/) * KBYTE,
    remaining: of(/remaining ram: (\d+) kbytes/) * KBYTE,
    pageSize: of(/page size: (\d+) kbytes/) * KBYTE || PAGE_SIZE,
    sentPages: /normal: \d+ pages/.test(answer)
      ? of(/normal: (\d+) pages/) + zeroPages + encoded
      : undefined,
    zeroPages,
    downtimeBytes: of(/downtime ram: (\d+) kbytes/) * KBYTE,
    dirtySyncCount: of(/dirty sync count: (\d+)/),
    dirtyPagesRate: of(/dirty pages rate: (\d+)/),
    mbps: of(/throughput: ([\d.]+) mbps/),
    throttle: of(/cpu throttle percentage: (\d+)/),
  };
}
