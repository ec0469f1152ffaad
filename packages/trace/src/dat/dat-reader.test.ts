import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { collectDat, collectFile, scratchFolder } from '../../test/collect.ts';
import {
  type DatContents,
  datV6,
  datV7,
  discarded,
  entry,
  format,
  longEntry,
  page,
  record,
  timeExtend,
  timeStamp,
  u64,
} from '../fuzz/dat-writer.ts';

const TRACES = join(import.meta.dirname, '../../../../traces');
const RACE = join(TRACES, 'k6.12-tdp-ksm-race');

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const ENTRY = format(
  'kvm_entry',
  300,
  [
    'unsigned int vcpu_id;\toffset:8;\tsize:4;\tsigned:0;',
    'unsigned long rip;\toffset:16;\tsize:8;\tsigned:0;',
  ],
  '"vcpu %u, rip 0x%lx", REC->vcpu_id, REC->rip',
);

const enterGuest = (vcpu: number, rip = 0x1000): Buffer =>
  record(300, 40 + vcpu, Buffer.concat([u64(vcpu), u64(rip)]));

const SMALL: DatContents = {
  formats: [ENTRY],
  tasks: { 40: 'CPU 0/KVM', 41: 'CPU 1/KVM' },
  cpus: [
    { cpu: 0, pages: [page(1_000_000, [entry(0, enterGuest(0)), entry(5000, enterGuest(0))])] },
    { cpu: 3, pages: [page(1_002_000, [entry(0, enterGuest(1)), entry(6000, enterGuest(1))])] },
  ],
};

const only = (...entries: readonly Buffer[]): DatContents => ({
  ...SMALL,
  cpus: [{ cpu: 0, pages: [page(1_000_000, entries)] }],
});

const times = async (contents: DatContents): Promise<number[]> =>
  (await collectDat(datV7(contents))).events.map(({ time }) => time);

describe('the bundled trace of the KSM race', () => {
  it('is the same, event by event, from its trace.dat and from its text', async () => {
    const text = await collectFile(`${RACE}.txt.gz`);
    const dat = await collectFile(`${RACE}.dat`);
    expect(dat.summary.counts).toEqual(text.summary.counts);
    const inMicroseconds = dat.events.map((event) => ({ ...event, time: Math.round(event.time) }));
    const withoutLines = text.events.map((event, n) => ({ ...event, line: n + 1 }));
    expect(inMicroseconds).toEqual(withoutLines);
    expect(dat.summary).toMatchObject({
      format: 'trace.dat',
      events: 70_180,
      decoded: 70_180,
      errorCount: 0,
      unknown: {},
      clock: 'microseconds',
      kernel: 'Linux (none) 6.12.117+deb12-amd64 x86_64',
    });
  });

  it('that is cut behind its first options still gives the events that it has', async () => {
    const path = scratch.put('cut.dat', readFileSync(`${RACE}.dat`).subarray(0, 1_900_000));
    const { events, summary } = await collectFile(path);
    expect(summary.truncated).toBe(true);
    expect(events.length).toBeGreaterThan(40_000);
    expect(events.length).toBeLessThan(70_180);
    expect([...new Set(events.map(({ cpu }) => cpu))].sort()).toEqual([0, 1, 2]);
  });

  it('may come packed, through a temporary file', async () => {
    const path = scratch.put('race.dat.gz', gzipSync(readFileSync(`${RACE}.dat`), { level: 1 }));
    const { summary } = await collectFile(path);
    expect(summary).toMatchObject({ events: 70_180, compression: 'gzip', format: 'trace.dat' });
  });
});

describe.each([
  ['version 6', datV6],
  ['version 7', datV7],
  ['version 7 with zlib', (of: DatContents) => datV7({ ...of, compression: 'zlib' })],
])('a file of %s', (_, write) => {
  it('gives the events of all CPUs in the order of time, with who and where', async () => {
    const { events, summary } = await collectDat(write(SMALL));
    expect(events.map(({ time, cpu, task, line }) => [time, cpu, task, line])).toEqual([
      [1000, 0, 'CPU 0/KVM', 1],
      [1002, summary.cpus === 2 && events[1]?.cpu, 'CPU 1/KVM', 2],
      [1005, 0, 'CPU 0/KVM', 3],
      [1008, events[1]?.cpu, 'CPU 1/KVM', 4],
    ]);
    expect(events[1]?.body).toEqual({ event: 'kvm_entry', vcpu_id: 1, rip: 0x1000 });
  });

  it('has the ticks of its clock where that counts no nanoseconds', async () => {
    const { events, summary } = await collectDat(write({ ...SMALL, clock: 'x86-tsc' }));
    expect([events[0]?.time, summary.clock]).toEqual([1_000_000, 'ticks']);
  });

  it('says what the kernel had to drop', async () => {
    const stats = ['CPU: 0\noverrun: 7\ndropped events: 4\n', 'CPU: 1\ndropped events: 1\n'];
    const { summary } = await collectDat(write({ ...SMALL, stats }));
    expect(summary.lost).toMatchObject({ overwritten: 7, dropped: 5 });
  });
});

describe('the times of a page', () => {
  it('add up over its entries, discarded ones included', async () => {
    const contents = only(
      entry(1000, enterGuest(0)),
      discarded(2000, 24),
      entry(3000, enterGuest(0)),
      timeExtend(2 ** 30),
      longEntry(1000, enterGuest(0)),
    );
    expect(await times(contents)).toEqual([1001, 1006, 1007 + 2 ** 30 / 1000]);
  });

  it('start anew at a time stamp, whose highest bits are those of the time before', async () => {
    const start = 0x0912_3456_789a_bcden;
    const later = start + 1_000_000n;
    const { events } = await collectDat(
      datV7({
        ...SMALL,
        cpus: [
          {
            cpu: 0,
            pages: [
              page(start, [entry(0, enterGuest(0)), timeStamp(later), entry(0, enterGuest(0))]),
            ],
          },
        ],
      }),
    );
    const [first, second] = events;
    expect((second?.time ?? 0) - (first?.time ?? 0)).toBeCloseTo(1000, -1);
  });

  it('end at padding without a time', async () => {
    const rest = Buffer.concat([Buffer.from([29, 0, 0, 0]), Buffer.alloc(64, 0xff)]);
    expect(await times(only(entry(0, enterGuest(0)), rest))).toEqual([1000]);
  });
});

describe('pages that say that events were lost before them', () => {
  it('are summed up, with or without a number', async () => {
    const entries = [entry(0, enterGuest(0))];
    const pages = [page(1_000_000, entries, 460), page(2_000_000, entries, 'unknown')];
    const { summary } = await collectDat(datV7({ ...SMALL, cpus: [{ cpu: 0, pages }] }));
    expect(summary.lost).toMatchObject({ reported: 460, unnumbered: 1 });
  });
});

const fastPageFault = (spurious: number, fixed: number, errorCodeType: string): string =>
  format(
    'fast_page_fault',
    301,
    [
      'int vcpu_id;\toffset:8;\tsize:4;\tsigned:1;',
      'gpa_t cr2_or_gpa;\toffset:16;\tsize:8;\tsigned:0;',
      `${errorCodeType} error_code;\toffset:24;\tsize:${errorCodeType === 'u32' ? 4 : 8};\tsigned:0;`,
      'u64 * sptep;\toffset:32;\tsize:8;\tsigned:0;',
      'u64 old_spte;\toffset:40;\tsize:8;\tsigned:0;',
      'u64 new_spte;\toffset:48;\tsize:8;\tsigned:0;',
      'int ret;\toffset:56;\tsize:4;\tsigned:1;',
    ],
    `"vcpu %d spurious %d fixed %d", REC->vcpu_id, REC->ret == ${spurious}, REC->ret == ${fixed}`,
  );

describe('the numbers behind names', () => {
  const fault = (ret: number): Buffer =>
    record(
      301,
      40,
      Buffer.concat([u64(0), u64(0x1000), u64(7), u64(-8n), u64(0xe65), u64(0xe67), u64(ret)]),
    );
  const outcome = async (formatText: string, ret: number): Promise<unknown> => {
    const cpus = [{ cpu: 0, pages: [page(1000, [entry(0, fault(ret))])] }];
    const { events } = await collectDat(datV7({ formats: [formatText], cpus }));
    const body = events[0]?.body;
    return body?.event === 'fast_page_fault' && [body.spurious, body.fixed, body.error_code];
  };

  it.each([
    ['6.1', fastPageFault(5, 4, 'u32')],
    ['6.12', fastPageFault(6, 5, 'u64')],
  ])('are those of the format (%s)', async (kernel, text) => {
    const fixed = kernel === '6.1' ? 4 : 5;
    expect([await outcome(text, fixed), await outcome(text, fixed + 1)]).toEqual([
      [false, true, 7],
      [true, false, 7],
    ]);
  });
});

describe('an event', () => {
  it('without a format is counted as unknown', async () => {
    const { summary } = await collectDat(
      datV7(only(entry(0, enterGuest(0)), entry(0, record(999, 1, u64(0))))),
    );
    expect(summary.unknown).toEqual({ '(event 999 without a format)': 1 });
  });

  it('shorter than its format says is damage', async () => {
    const { summary } = await collectDat(
      datV7(only(entry(0, enterGuest(0)), entry(0, record(300, 1, u64(0))))),
    );
    expect(summary).toMatchObject({
      damaged: { kvm_entry: 1 },
      errors: [
        {
          place: 'event 2, of CPU 0',
          text: 'a record of 16 bytes',
          expected: 'a record as the format of kvm_entry says',
        },
      ],
    });
  });

  it('whose kernel has moved its fields is read where they are now', async () => {
    const moved = ENTRY.replace('offset:16', 'offset:12').replace(
      'offset:8;\tsize:4',
      'offset:20;\tsize:4',
    );
    const fields = Buffer.concat([Buffer.alloc(4), u64(0x2000), Buffer.from([9, 0, 0, 0])]);
    const cpus = [{ cpu: 0, pages: [page(1000, [entry(0, record(300, 1, fields))])] }];
    const { events } = await collectDat(datV7({ formats: [moved], cpus }));
    expect(events[0]?.body).toEqual({ event: 'kvm_entry', vcpu_id: 9, rip: 0x2000 });
  });
});

describe('damage', () => {
  const whole = datV7({ ...SMALL, compression: 'zlib' });

  it('in the chunk of one CPU leaves the others, and is named by byte and section', async () => {
    const damaged = Buffer.from(datV7({ ...SMALL, compression: 'zlib' }));
    const at = damaged.lastIndexOf(Buffer.from([0x78, 0x9c]));
    damaged.fill(0xff, at, at + 8);
    const { events, summary } = await collectDat(damaged);
    expect(events.map(({ cpu }) => cpu)).toEqual([0, 0]);
    expect(summary.errors).toEqual([
      {
        place: `byte ${at - 8}, data of CPU 3`,
        byte: at - 8,
        text: 'damaged data',
        expected: 'a chunk that unpacks to 4096 bytes',
      },
    ]);
  });

  it('of a page that claims more data than it has is told, and what fits is read', async () => {
    const bad = page(1_000_000, [entry(0, enterGuest(0))]);
    bad.writeUInt32LE(0xffff, 8);
    const file = datV7({ ...SMALL, cpus: [{ cpu: 0, pages: [bad] }] });
    const { events, summary } = await collectDat(file);
    expect(events.length).toBe(1);
    expect(summary.errors[0]).toMatchObject({
      expected: 'at most 4080 bytes in the page',
      text: '65535',
    });
  });

  it('of a file that is cut says truncated, and the events before are delivered', async () => {
    const pages = Array.from({ length: 200 }, (_, n) =>
      page(n * 10_000, [entry(0, enterGuest(0))]),
    );
    const file = datV6({ ...SMALL, cpus: [{ cpu: 0, pages }] });
    const { events, summary } = await collectDat(file.subarray(0, -50 * 4096 - 100));
    expect([events.length, summary.truncated]).toEqual([149, true]);
  });

  it.each([
    [
      'another version',
      (file: Buffer) => file.write('9', 10),
      'head: expected version 6 or 7, got "9"',
    ],
    ['big-endian data', (file: Buffer) => file.writeUInt8(1, 12), 'got big-endian ones'],
    ['an unknown compression', (file: Buffer) => file.write('lzma', 18), 'got "lzma"'],
    [
      'an offset beyond the end',
      (file: Buffer) => file.writeUInt32LE(0x7fff_ffff, 25),
      `options: expected 16 bytes, got a file of ${whole.length} bytes`,
    ],
  ])('from the head on is a TraceError: %s', async (_, damage, message) => {
    const damaged = Buffer.from(whole);
    damage(damaged);
    await expect(collectDat(damaged)).rejects.toThrow(message);
  });
});
