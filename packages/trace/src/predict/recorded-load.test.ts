import { describe, expect, it } from 'vitest';
import type { RecordedLoad } from './recorded-load.ts';
import { readRecordedLoad } from './recorded-load.ts';

const read = (text: string): RecordedLoad | undefined => readRecordedLoad('some.log', text);
/** 25,600 pages are 100 MiB. */
const PAGES_PER_MIB = 256;

describe("cloud-hypervisor's log", () => {
  const line = (iter: number, curr: number, transfer: string, overhead: string): string =>
    `cloud-hypervisor:  12.7s: <vmm> DEBUG:vmm/src/lib.rs:1313 -- Precopy: iter=${iter} total=9MiB curr=${curr}MiB bw=2000.00MiB/s transfer=${transfer} overhead=${overhead} est_downtime=0ms elapsed=3.11s avg_bw=1975.41MiB/s`;
  const log = [
    line(0, 6144, '3.09s', '0ms'),
    'another line',
    line(1, 5418, '2.97s', '56ms'),
    line(2, 5400, '950ms', '59ms'),
  ].join('\n');

  it('says what was written while each round was sent', () => {
    expect(read(log)).toMatchObject({
      format: 'cloud-hypervisor log',
      samples: [
        { seconds: 3.09, pages: 5418 * PAGES_PER_MIB },
        { seconds: 2.97 + 0.056, pages: 5400 * PAGES_PER_MIB },
      ],
      memory: 6144 * 2 ** 20,
      bandwidth: 2000 * 2 ** 20,
      switchOver: 'round-end',
    });
  });

  it('says how long each harvest took', () => {
    expect(
      read(log)?.harvests?.map(({ pages, seconds }) => [pages, Math.round(seconds * 1000)]),
    ).toEqual([
      [5418 * PAGES_PER_MIB, 56],
      [5400 * PAGES_PER_MIB, 59],
    ]);
  });

  it('of one round says nothing', () => {
    expect(() => read(line(0, 6144, '3.09s', '0ms'))).toThrow(
      'some.log: expected dirty rates or migration statistics, got one round of a migration',
    );
  });
});

describe('dirty rates', () => {
  const measured = {
    status: 'measured',
    'sample-pages': 512,
    'dirty-rate': 100,
    mode: 'dirty-bitmap',
    'start-time': 5,
    'calc-time': 2,
  };
  const points = [{ seconds: 2, pages: 200 * PAGES_PER_MIB }];

  it.each([
    ['bare', JSON.stringify(measured)],
    ['as a reply', JSON.stringify({ return: measured })],
    ['in an array', JSON.stringify([measured])],
    [
      'one after the other, over several lines each',
      `${JSON.stringify({ return: measured }, null, 4)}\n${JSON.stringify({ status: 'measuring', 'calc-time': 2 }, null, 4)}\n`,
    ],
    [
      'one to a line, with one that is not finished',
      `${JSON.stringify(measured)}\n${JSON.stringify({ status: 'measuring', 'calc-time': 2 })}\n`,
    ],
  ])('of query-dirty-rate, %s', (_, text) => {
    expect(read(text)).toMatchObject({ format: 'QEMU query-dirty-rate', samples: points });
  });

  it('of info dirty_rate', () => {
    const text =
      'Status: measured\nStart Time: 5 (ms)\nSample Pages: N/A (per GB)\nPeriod: 2 (sec)\nMode: dirty-bitmap\nDirty rate: 100 (MB/s)\n';
    expect(read(`${text}${text}`)?.samples).toEqual([...points, ...points]);
  });

  it('of domstats', () => {
    const text =
      "Domain: 'vm'\n  dirtyrate.calc_status=2\n  dirtyrate.calc_start_time=5\n  dirtyrate.calc_period=2\n  dirtyrate.megabytes_per_second=100\n";
    expect(read(text)).toMatchObject({ format: 'libvirt domstats', samples: points });
  });

  it('of a CSV, with names of either spelling, a second where it does not say', () => {
    expect(read('start_time,dirty_rate,calc_time\n5,100,2\n')?.samples).toEqual(points);
    expect(read('dirty-rate\n100\n50\n')?.samples).toEqual([
      { seconds: 1, pages: 100 * PAGES_PER_MIB },
      { seconds: 1, pages: 50 * PAGES_PER_MIB },
    ]);
  });

  it('that are none are refused with their line', () => {
    expect(() => read('dirty-rate\n100\n-1\n')).toThrow(
      'line 3: dirty-rate "-1", which is no number from 0',
    );
    expect(() => read(`${JSON.stringify(measured)}\n{"dirty`)).toThrow(
      'line 2, which is no JSON object',
    );
    const spread = JSON.stringify(measured, null, 4);
    expect(() => read(`${spread}\n${spread.slice(0, -1)},\n}`)).toThrow(
      'object 2, which is no JSON',
    );
    expect(() => read(JSON.stringify({ status: 'unstarted', 'calc-time': 0 }))).toThrow(
      'no measurement that had been finished',
    );
  });
});

describe("QEMU's statistics of a migration", () => {
  const stats = (totalTime: number, syncs: number, rate: number): object => ({
    status: 'active',
    'total-time': totalTime,
    ram: {
      total: 2 ** 30,
      'page-size': 4096,
      'dirty-sync-count': syncs,
      'dirty-pages-rate': rate,
      mbps: 800,
      remaining: 5,
    },
  });

  it('of query-migrate have a sample for each sync with a rate', () => {
    const text = [
      stats(100, 1, 0),
      stats(5_000, 2, 1000),
      stats(6_000, 2, 1000),
      stats(9_000, 3, 900),
    ]
      .map((each) => JSON.stringify({ return: each }))
      .join('\n');
    const load = read(text);
    expect(load?.samples.map(({ seconds }) => seconds)).toEqual([4.9, 4]);
    expect(load?.samples.map(({ pages, seconds }) => Math.round(pages / seconds))).toEqual([
      1000, 900,
    ]);
    expect(load).toMatchObject({ memory: 2 ** 30, bandwidth: 1e8, pageSize: 4096 });
  });

  it('of info migrate say the same', () => {
    const text =
      'globals:\nMigration status: active\ntotal time: 5000 ms\nexpected downtime: 300 ms\ntransferred ram: 5 kbytes\nthroughput: 800.00 mbps\nremaining ram: 5 kbytes\ntotal ram: 1048576 kbytes\npage size: 4 kbytes\ndirty sync count: 2\ndirty pages rate: 1000 pages\n';
    expect(read(text)).toMatchObject({
      format: 'QEMU info migrate',
      samples: [{ seconds: 1, pages: 1000 }],
      memory: 2 ** 30,
      bandwidth: 1e8,
    });
  });
});

describe('any other text', () => {
  it('is none of them', () => {
    expect(read('# tracer: nop\n')).toBeUndefined();
    expect(read('')).toBeUndefined();
    expect(read('{"some":"json"}')).toBeUndefined();
  });
});
