import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  at,
  entry,
  exit,
  fast,
  marker,
  PROTECTED,
  pageFault,
  requested,
  setSpte,
  unmap,
  WRITABLE,
} from '../../test/fault-lines.ts';
import { reportOf, reportOfFile } from '../../test/report-of.ts';
import { DECODED_LINES } from '../../test/sample-lines.ts';
import type { FaultKind } from './fault-kind.ts';
import type { Report } from './report.ts';

const TRACES = join(import.meta.dirname, '../../../../traces');
const RACE = join(TRACES, 'k6.12-tdp-ksm-race.txt.gz');
const THP = join(TRACES, 'k6.12-legacy-migrate-thp.txt.gz');

const textOf = (file: string): string => gunzipSync(readFileSync(file)).toString();
const linesWith = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
const countOf = ({ kinds }: Report, kind: FaultKind): number =>
  kinds.find((row) => row.kind === kind)?.count ?? 0;

describe.each([
  ['of the TDP MMU', RACE],
  ['of the legacy MMU', THP],
])('a recorded trace %s', (_, file) => {
  const text = textOf(file);
  const report = reportOfFile(file);

  it('has as many faults as lines say so, each of one kind', async () => {
    const { faults, kinds, vcpus } = await report;
    expect(faults).toBe(linesWith(text, /: kvm_page_fault: /g));
    expect(kinds.reduce((sum, { count }) => sum + count, 0)).toBe(faults);
    expect(vcpus.reduce((sum, row) => sum + row.faults, 0)).toBe(faults);
  });

  it('has what the fast path did by the lines of its event', async () => {
    const of = await report;
    expect(countOf(of, 'fast_fixed')).toBe(linesWith(text, /fast_page_fault: .* fixed 1$/gm));
    expect(countOf(of, 'fast_spurious')).toBe(linesWith(text, /fast_page_fault: .* spurious 1 /g));
    expect(of.fast.candidates).toBe(linesWith(text, /: fast_page_fault: /g));
  });

  it('has the same stall by kind and by vCPU', async () => {
    const { kinds, vcpus, ranges } = await report;
    const byKind = kinds.reduce((sum, row) => sum + row.sum, 0);
    expect(vcpus.reduce((sum, row) => sum + row.sum, 0)).toBe(byKind);
    expect(ranges.reduce((sum, row) => sum + row.stall, 0)).toBe(byKind);
  });

  it('has the dirty pages of each round as userspace counted them', async () => {
    const counted = [
      ...text.matchAll(/"get_dirty_log","at":"end","slot":\d+,"round":(\d+),.*"dirty":(\d+)/g),
    ];
    const byRound = new Map<string, number>();
    for (const [, round = '', dirty] of counted)
      byRound.set(round, (byRound.get(round) ?? 0) + Number(dirty));
    expect((await report).rounds.map(({ dirtyPages }) => dirtyPages)).toEqual([
      ...byRound.values(),
    ]);
  });

  it('has no more stall in a round than its vCPUs had time', async () => {
    const { rounds, vcpus, roundPrecision } = await report;
    for (const { since, end, stall } of rounds) {
      expect(stall).toHaveLength(vcpus.length);
      for (const of of stall)
        expect(of).toBeLessThanOrEqual(1000 * (end - since) + 2 * roundPrecision);
    }
  });
});

describe('the trace of the KSM race', () => {
  const report = reportOfFile(RACE);

  it('is of the TDP MMU on AMD', async () => {
    expect((await report).mode).toMatchObject({
      vendor: 'AMD',
      mmu: 'tdp',
      isNested: false,
      nonPresent: 'bit63',
    });
  });

  it('holds 209 writes to merged pages', async () => {
    expect(countOf(await report, 'cow')).toBe(
      linesWith(textOf(RACE), /old 0x\w+825 new \w+ spurious 0 fixed 0$/gm),
    );
    expect(countOf(await report, 'cow')).toBe(209);
  });

  it('has the notifier calls by who made them', async () => {
    const { notifiers } = await report;
    const text = textOf(RACE);
    expect(notifiers.find(({ task }) => task === 'ksmd')?.calls).toBe(
      linesWith(text, /ksmd-\d+ .*: kvm_unmap_hva_range: /g),
    );
    expect(notifiers.reduce((sum, { calls }) => sum + calls, 0)).toBe(1202);
  });

  it('holds no right withdrawn in flight', async () => {
    expect((await report).raceCounts.withdrawn).toBe(0);
  });
});

describe('the trace of a migration with huge pages on the legacy MMU', () => {
  const report = reportOfFile(THP);

  it('is told from its exits', async () => {
    expect((await report).mode).toMatchObject({ vendor: 'AMD', mmu: 'legacy' });
  });

  it('lost 32 huge pages to the log, and their small pages are the log’s stall', async () => {
    const { hugePages, vcpus, kinds } = await report;
    expect(hugePages).toMatchObject({ metWhileLogged: 32, splitAhead: 0, splitInFault: 0 });
    expect(hugePages.mapped).toBe(linesWith(textOf(THP), /kvm_mmu_set_spte: .* level 2 /g));
    const logging = vcpus.reduce((sum, row) => sum + row.loggingStall, 0);
    const of = (kind: FaultKind): number => kinds.find((row) => row.kind === kind)?.sum ?? 0;
    expect(countOf(await report, 'slow_remap')).toBeGreaterThan(13_000);
    expect(logging).toBeCloseTo(
      of('fast_fixed') + of('fast_spurious') + of('huge_logged') + of('slow_remap'),
      -3,
    );
  });
});

/** A fault from `us` to `us + length`. */
const fixed = (us: number, gfn: number, length: number): string[] => [
  entry(us - 10),
  exit(us),
  pageFault(us + 1, gfn, 7),
  fast(us + 2, gfn, 'fixed', PROTECTED, WRITABLE),
  entry(us + length),
];

describe('times', () => {
  it('go from the exit to the next entry, in nanoseconds', () => {
    const { kinds, vcpus } = reportOf([...fixed(100, 1, 30), ...fixed(200, 2, 50)]);
    expect(kinds).toMatchObject([{ p50: 30_000, p999: 50_000, max: 50_000, sum: 80_000 }]);
    expect(vcpus).toMatchObject([{ span: 160_000, sum: 80_000 }]);
  });

  it('go from the fault itself where exits were not recorded', () => {
    const lines = fixed(100, 1, 30).filter((line) => !line.includes('kvm_exit'));
    expect(reportOf(lines).kinds).toMatchObject([{ sum: 29_000 }]);
  });

  it('do not exist where entries were not recorded, and the faults still count', () => {
    const lines = [...fixed(100, 1, 30), ...fixed(200, 2, 50)].filter(
      (line) => !line.includes('kvm_entry'),
    );
    const { faults, timed, kinds } = reportOf(lines);
    expect([faults, timed]).toEqual([2, 0]);
    expect(kinds).toMatchObject([{ kind: 'fast_fixed', count: 2, p50: Number.NaN }]);
  });

  it('are in ticks where the clock counts those', () => {
    const lines = fixed(100, 1, 30).map((line) =>
      line.replace(/0\.(\d{6}):/, (_, digits) => `9000${digits}:`),
    );
    expect(reportOf(lines)).toMatchObject({ unit: 'ticks', kinds: [{ p50: 30, sum: 30 }] });
  });
});

describe('a report of a part', () => {
  const other = fixed(300, 0x500, 5).map((line) =>
    line.replace('vcpu0-177', 'vcpu1-178').replaceAll('vcpu 0', 'vcpu 1'),
  );
  const lines = [...fixed(100, 0x100, 30), ...fixed(200, 0x200, 50), ...other];
  const faults = (options: Parameters<typeof reportOf>[1]): number =>
    reportOf(lines, options).faults;

  it('has the faults of one vCPU, one thread, some time or some pages', () => {
    expect([
      faults({}),
      faults({ vcpu: 1 }),
      faults({ pid: 177 }),
      faults({ time: [150, 300] }),
      faults({ gfn: [0x100, 0x1ff] }),
      faults({ vcpu: 0, gfn: [0x500, 0x500] }),
    ]).toEqual([3, 1, 2, 2, 1, 0]);
  });

  it('has the MMIO and the full logs of these threads, and the MMIO of these pages', () => {
    const access = (us: number, gpa: string, thread: string): string =>
      at(us, `kvm_mmio: mmio write len 4 gpa ${gpa} val 0x1`, thread);
    const full = [exit(400), at(401, 'kvm_dirty_ring_exit: vcpu 0'), entry(410)];
    const all = [
      ...lines,
      access(120, '0xd0000', 'vcpu0-177'),
      access(320, '0xd0000', 'vcpu1-178'),
      access(321, '0xd1000', 'vcpu1-178'),
      ...full,
    ];
    const of = (options: Parameters<typeof reportOf>[1]): number[] => {
      const { mmio, logFull } = reportOf(all, options);
      return [mmio.accesses, mmio.registers, logFull.ringExits];
    };
    expect([{}, { vcpu: 1 }, { pid: 177 }, { gfn: [0xd1, 0x500] as const }].map(of)).toEqual([
      [3, 2, 1],
      [2, 2, 0],
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  it('has the rounds of that time', () => {
    const harvest = (us: number, round: number): string[] => [
      marker(us, { ev: 'get_dirty_log', at: 'begin', slot: 0, round }),
      marker(us + 5, {
        ev: 'get_dirty_log',
        at: 'end',
        slot: 0,
        round,
        pages: 64,
        dirty: 0,
        errno: 0,
      }),
    ];
    const rounds = [...lines, ...harvest(400, 0), ...harvest(500, 1), ...harvest(600, 2)];
    const numbers = (time?: readonly [number, number]): number[] =>
      reportOf(rounds, { time }).rounds.map(({ round }) => round);
    expect([numbers(), numbers([0, 450]), numbers([100, 400])]).toEqual([[1, 2, 3], [1, 2], [1]]);
  });
});

describe('what the slow path would have added', () => {
  const slow = (us: number, gfn: number, code: number): string[] => [
    exit(us),
    pageFault(us + 1, gfn, code),
    requested(us + 2, gfn),
    setSpte(us + 3, gfn),
    entry(us + 40),
  ];
  const many = (of: (us: number, gfn: number) => string[], from: number): string[] =>
    Array.from({ length: 30 }, (_, n) => of(from + 100 * n, n)).flat();
  const fastOnes = many((us, gfn) => fixed(us, gfn, 10), 1000);

  it('is told from repairs under mmu_lock, where there are enough', () => {
    const { estimate } = reportOf([
      ...fastOnes,
      ...many((us, gfn) => slow(us, gfn, 7), 10_000),
    ]).fast;
    expect(estimate).toEqual({
      from: 'slow_write',
      samples: 30,
      slowMedian: 40_000,
      fastMedian: 10_000,
      added: 30 * 30_000,
    });
  });

  it('is told from slow maps, where there is nothing better', () => {
    const { estimate } = reportOf([
      ...fastOnes,
      ...many((us, gfn) => slow(us, gfn, 6), 10_000),
    ]).fast;
    expect(estimate).toMatchObject({ from: 'slow_map', added: 30 * 30_000 });
  });

  it('is not told from a few', () => {
    const { estimate } = reportOf([...fastOnes, ...slow(10_000, 1, 6)]).fast;
    expect(estimate.from).toBeUndefined();
  });
});

describe('MMIO registers', () => {
  const access = (us: number, type: string, gpa: string, len = 4): string =>
    at(us, `kvm_mmio: mmio ${type} len ${len} gpa ${gpa} val 0x1`);
  const toVmm = (us: number): string => at(us, 'kvm_userspace_exit: reason KVM_EXIT_MMIO (6)');
  const times = (n: number, of: (us: number) => string[]): string[] =>
    Array.from({ length: n }, (_, i) => of(1 + 10 * i)).flat();
  const registersOf = (lines: string[]) => reportOf(lines).mmio;

  it('that are only written, and go to the VMM, are worth an ioeventfd', () => {
    const { most, worthIoeventfd } = registersOf(
      times(100, (us) => [access(us, 'write', '0xd0000000'), toVmm(us + 1)]),
    );
    expect(worthIoeventfd).toBe(1);
    expect(most).toEqual([
      {
        gpa: 0xd0000000,
        length: 4,
        writes: 100,
        reads: 0,
        userspaceExits: 100,
        isWorthIoeventfd: true,
      },
    ]);
  });

  it.each([
    [
      'are read too',
      times(100, (us) => [
        access(us, 'write', '0xd0'),
        toVmm(us + 1),
        access(us + 2, 'unsatisfied-read', '0xd0'),
      ]),
    ],
    ['stay in the kernel', times(100, (us) => [access(us, 'write', '0xd0')])],
    ['are written a few times', times(9, (us) => [access(us, 'write', '0xd0'), toVmm(us + 1)])],
    [
      'are written in several sizes',
      times(100, (us) => [access(us, 'write', '0xd0', us % 20 === 1 ? 4 : 8), toVmm(us + 1)]),
    ],
  ])('are not where they %s', (_, lines) => {
    expect(registersOf(lines).worthIoeventfd).toBe(0);
  });

  it('that the VMM answers are read once, not twice', () => {
    const read = times(3, (us) => [
      access(us, 'unsatisfied-read', '0xd0'),
      toVmm(us + 1),
      access(us + 2, 'read', '0xd0'),
    ]);
    expect(registersOf(read)).toMatchObject({
      accesses: 3,
      most: [{ reads: 3, userspaceExits: 3 }],
    });
  });
});

describe('a vCPU that faults for nothing', () => {
  it('spins, and the longest spin is told', () => {
    const retry = (us: number, gfn: number): string[] => [
      exit(us),
      pageFault(us + 1, gfn, 6),
      entry(us + 5),
    ];
    const lines = [
      ...retry(100, 7),
      ...retry(110, 7),
      ...retry(120, 7),
      ...retry(130, 8),
      ...retry(140, 8),
      unmap(150, 0x1000, 0x2000, 'ksmd-54'),
    ];
    const { longestSpin, notifiers } = reportOf(lines);
    expect(longestSpin).toEqual({
      ...{ vcpu: 0, gfn: 7, address: 0x7000 },
      ...{ faults: 3, began: 100, length: 25 },
    });
    expect(notifiers).toEqual([{ task: 'ksmd', calls: 1, bytes: 4096 }]);
  });

  it('spins on a virtual page with shadow paging, where no event names the gfn', () => {
    const retry = (us: number, page: number): string[] => [
      exit(us, 'PF excp'),
      pageFault(us + 1, page, 6),
      entry(us + 5),
    ];
    const { longestSpin } = reportOf([...retry(100, 7), ...retry(110, 8), ...retry(120, 8)]);
    expect(longestSpin).toMatchObject({ gfn: -1, address: 0x8000, faults: 2, length: 15 });
  });
});

describe('mmu notifier calls of a vCPU’s thread', () => {
  const taken = (lines: string[]) => reportOf(lines).notifiers;
  const vcpu = 'vcpu0-177';
  const fault = [entry(10), exit(20), pageFault(21, 7, 7)];

  it('are copies where it is in a fault', () => {
    const lines = [...fault, unmap(30, 0x1000, 0x2000, vcpu), entry(40)];
    expect(taken(lines)).toEqual([{ task: 'vCPUs (copy-on-write)', calls: 1, bytes: 4096 }]);
  });

  it.each([
    ['after another exit', [entry(10), exit(20, 'io')]],
    [
      'after a fault that went to the VMM',
      [...fault, at(25, 'kvm_userspace_exit: reason KVM_EXIT_MMIO (6)')],
    ],
  ])('are its own %s: its stack goes, say', (_, before) => {
    expect(taken([...before, unmap(30, 0x1000, 0x2000, vcpu), ...fixed(100, 1, 30)])).toEqual([
      { task: 'vCPUs (own calls)', calls: 1, bytes: 4096 },
    ]);
  });
});

describe('a log that is full', () => {
  it('holds its vCPU up until the next entry', () => {
    const ring = [exit(10), at(12, 'kvm_dirty_ring_exit: vcpu 0'), entry(112)];
    const pml = [exit(200), at(201, 'kvm_pml_full: vcpu 0: PML full'), entry(211)];
    expect(reportOf([...ring, ...pml]).logFull).toEqual({
      ringExits: 1,
      pmlExits: 1,
      stall: 110_000,
    });
  });
});

describe('lost events', () => {
  it('between two looks of the fast path make them two faults', () => {
    const [, , , look = ''] = fixed(100, 1, 30);
    const other = fixed(200, 2, 30)[3] ?? '';
    expect(reportOf([...fixed(100, 1, 30).slice(0, 3), look, other, entry(230)])).toMatchObject({
      faults: 2,
      timed: 1,
      fast: { repaired: 2 },
    });
  });
});

describe('a clock that runs backwards between CPUs', () => {
  it('gives no negative times', () => {
    const lines = [...fixed(100, 1, 30), exit(200), pageFault(201, 2, 6), entry(150)];
    const { faults, timed, vcpus } = reportOf(lines);
    expect([faults, timed, vcpus[0]?.sum]).toEqual([2, 1, 30_000]);
  });
});

describe('any events in any order', () => {
  it('give a report whose kinds add up', () => {
    const lines = DECODED_LINES.map((line) => ` ${line}`);
    fc.assert(
      fc.property(fc.shuffledSubarray(lines, { minLength: 1 }), (some) => {
        const { faults, kinds, vcpus, ranges } = reportOf(some);
        expect(kinds.reduce((sum, { count }) => sum + count, 0)).toBe(faults);
        expect(vcpus.reduce((sum, row) => sum + row.faults, 0)).toBe(faults);
        expect(ranges.reduce((sum, row) => sum + row.faults, 0)).toBeLessThanOrEqual(faults);
        for (const { sum, span } of vcpus) {
          expect(Math.min(sum, span)).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});
