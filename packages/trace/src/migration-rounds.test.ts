import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../test/parse-text.ts';
import type { DirtyLogRound } from './dirty-log-round.ts';
import { MigrationRounds, type Rounds } from './migration-rounds.ts';
import { readTrace } from './read-trace.ts';
import { RoundsFromSptes } from './rounds-from-sptes.ts';

const MIGRATION = join(import.meta.dirname, '../../../traces/k6.12-legacy-migrate-thp.txt.gz');

const at = (time: number, event: string): string =>
  lineOf(event).replace(/8\.652615/, (time / 1e6).toFixed(6));
const mark = (time: number, marker: object): string =>
  at(time, `tracing_mark_write: ${JSON.stringify(marker)}`);
const spte = (time: number, gfn: number, from: string, to: string): string =>
  at(
    time,
    `kvm_tdp_mmu_spte_changed: as id 0 gfn ${gfn.toString(16)} level 1 old_spte ${from} new_spte ${to}`,
  );
const RW = '123ab7e67';
const RO = '123ab7e65';
const fixed = (time: number, gfn: number): string =>
  at(
    time,
    `fast_page_fault: vcpu 0 gva ${gfn.toString(16)}123 error_code P|W|U sptep ffff888132 old 0x${RO} new ${RW} spurious 0 fixed 1`,
  );
const protect = (time: number, ...gfns: number[]): string[] =>
  gfns.map((gfn, i) => spte(time + i, gfn, RW, RO));

function roundsOf(...lines: string[]): Rounds {
  const rounds = new MigrationRounds();
  for (const event of parseLines(...lines).events) rounds.add(event);
  return rounds.end();
}
const gfnsOf = (rounds: readonly DirtyLogRound[]): number[][] =>
  rounds.map(({ gfns }) => [...gfns]);

const slot = (time: number, flags: number): string =>
  mark(time, {
    ev: 'memslot',
    at: 'end',
    op: 'flags',
    slot: 1,
    gpa: '0x10000000',
    size: 1 << 20,
    hva: '0x7f0000000000',
    flags,
    errno: 0,
  });
const get = (time: number, round: number, dirty: number): string[] => [
  mark(time, { ev: 'get_dirty_log', at: 'begin', slot: 1, round }),
  mark(time + 10, { ev: 'get_dirty_log', at: 'end', slot: 1, round, pages: 256, dirty }),
];
const bits = (time: number, round: number, words_hex: string): string =>
  mark(time, { ev: 'dirty_bits', slot: 1, round, base_gfn: '0x10000', first_page: 0, words_hex });

describe("rounds that the guest's driver noted", () => {
  it('hold the pages of their bitmaps, lowest page rightmost in each word', () => {
    const { source, rounds } = roundsOf(
      ...get(100, 0, 3),
      bits(120, 0, '80000000000000010000000000000002'),
    );
    expect(source).toBe('markers');
    expect(gfnsOf(rounds)).toEqual([[0x10000, 0x1003f, 0x10041]]);
  });

  it('count from the begin of logging, then from the harvest before', () => {
    const { rounds } = roundsOf(slot(50, 1), ...get(100, 0, 0), ...get(200, 1, 0), slot(300, 0));
    expect(rounds.map(({ since, begin, end }) => [since, begin, end])).toEqual([
      [50, 100, 110],
      [110, 200, 210],
    ]);
  });

  it('end with the last clear, where the log is cleared by hand', () => {
    const clear = (time: number, first_page: number): string =>
      mark(time, {
        ev: 'clear_dirty_log',
        at: 'end',
        slot: 1,
        round: 0,
        first_page,
        num_pages: 64,
        errno: 0,
      });
    const { rounds } = roundsOf(
      mark(10, { ev: 'enable_cap', cap: 'MANUAL_DIRTY_LOG_PROTECT2', arg: 3, errno: 0 }),
      ...get(100, 0, 0),
      clear(150, 0),
      clear(180, 64),
      ...get(300, 1, 0),
    );
    expect(rounds[0]).toMatchObject({ log: 'initially-set', begin: 100, end: 180 });
    expect(rounds[1]).toMatchObject({ since: 180 });
  });

  it('are one for all slots, where vCPUs have rings', () => {
    const { rounds } = roundsOf(
      mark(10, { ev: 'enable_cap', cap: 'DIRTY_LOG_RING', entries: 64, errno: 0 }),
      slot(20, 1),
      mark(100, { ev: 'ring_gfns', vcpu: 0, slot_off: '1:5 1:ff ' }),
      mark(101, { ev: 'ring_gfns', vcpu: 1, slot_off: '1:5 ' }),
      mark(102, { ev: 'reset_dirty_rings', at: 'begin', why: 'timer', harvested: 3 }),
      mark(110, { ev: 'reset_dirty_rings', at: 'end', reset: 3 }),
    );
    expect(rounds).toMatchObject([
      { slot: undefined, log: 'ring', since: 20, begin: 100, end: 110 },
    ]);
    expect(gfnsOf(rounds)).toEqual([[0x10005, 0x100ff]]);
  });

  it('of a recorded migration are those that userspace counted', async () => {
    const rounds = new MigrationRounds();
    const counted: number[] = [];
    await readTrace(MIGRATION, (event) => {
      rounds.add(event);
      if (event.body.event !== 'marker' || event.body.marker.ev !== 'get_dirty_log') return;
      if (event.body.marker.at === 'end') counted.push(event.body.marker.dirty ?? -1);
    });
    expect(counted).toHaveLength(12);
    expect(rounds.end().rounds.map(({ gfns }) => gfns.size)).toEqual(counted);
  });
});

const ioctl = (time: number, cmd: string): string =>
  at(time, `sys_ioctl(fd: 5, cmd: ${cmd}, arg: 7ffd569c6370)`);
const GET = '4010ae42';
const CLEAR = 'c018aec0';
const SET_REGION = '4020ae46';

describe('rounds of a VMM whose system calls were recorded', () => {
  it('have the pages that its thread takes W from', () => {
    const { source, rounds } = roundsOf(
      ioctl(900, SET_REGION),
      ...protect(1_000, 1, 2),
      fixed(5_000, 2),
      ioctl(50_000, GET),
      ...protect(50_001, 2),
    );
    expect(source).toBe('ioctls');
    expect(rounds).toMatchObject([{ log: 'bitmap', since: 1_001, begin: 50_000, end: 50_001 }]);
    expect(gfnsOf(rounds)).toEqual([[2]]);
  });

  it('are one for two slots that are harvested one after the other', () => {
    const { rounds } = roundsOf(
      ioctl(50_000, GET),
      ...protect(50_001, 2),
      ioctl(50_100, GET),
      ...protect(50_101, 3),
      ioctl(90_000, GET),
      ...protect(90_001, 3),
    );
    expect(gfnsOf(rounds)).toEqual([[2, 3], [3]]);
  });

  it('go on until the last clear, where there are any', () => {
    const { rounds } = roundsOf(
      ioctl(50_000, GET),
      ioctl(60_000, CLEAR),
      ...protect(60_001, 1),
      ioctl(90_000, CLEAR),
      ...protect(90_001, 2),
    );
    expect(rounds).toMatchObject([{ log: 'manual', begin: 50_000, end: 90_001 }]);
    expect(gfnsOf(rounds)).toEqual([[1, 2]]);
  });

  it('have what became writable before them, where the MMU tells of no protection', () => {
    const { rounds } = roundsOf(
      fixed(10, 9),
      ioctl(900, SET_REGION),
      fixed(5_000, 2),
      ioctl(50_000, GET),
      fixed(60_000, 3),
      fixed(60_001, 2),
      ioctl(90_000, GET),
    );
    expect(gfnsOf(rounds)).toEqual([[2], [2, 3]]);
  });
});

describe('rounds that nobody noted', () => {
  it('are the pages that lose W again, after those of the begin of logging', () => {
    const { source, rounds } = roundsOf(
      ...protect(1_000, 1, 2, 3),
      fixed(5_000, 2),
      ...protect(300_000, 2),
      fixed(301_000, 2),
      fixed(301_001, 3),
      ...protect(600_000, 2, 3),
    );
    expect(source).toBe('sptes');
    expect(gfnsOf(rounds)).toEqual([[2], [2, 3]]);
    expect(rounds.map(({ since }) => since)).toEqual([1_002, 300_000]);
  });

  it('begin at once, where the trace begins in the middle of a migration', () => {
    const { rounds } = roundsOf(fixed(500, 2), ...protect(1_000, 2));
    expect(gfnsOf(rounds)).toEqual([[2]]);
  });

  it('end before the burst in which a page loses W again, when the log is cleared in pieces', () => {
    const { rounds } = roundsOf(
      fixed(500, 1),
      ...protect(1_000, 1),
      ...protect(21_000, 2),
      fixed(30_000, 1),
      ...protect(41_000, 0, 1),
      ...protect(61_000, 2),
    );
    expect(gfnsOf(rounds)).toEqual([
      [1, 2],
      [0, 1, 2],
    ]);
  });

  it('are none in a trace whose pages never lose W', () => {
    expect(roundsOf(fixed(500, 1))).toMatchObject({ source: undefined, rounds: [] });
  });

  it('do not take a page that is zapped for one that is protected', () => {
    const { rounds } = roundsOf(fixed(500, 1), spte(1_000, 1, RW, '8000000000000000'));
    expect(rounds).toEqual([]);
  });
});

describe('a noted migration, inferred as if it were not', () => {
  it('has the rounds of its notes', () => {
    const lines = [
      ...protect(1_000, 0x10001, 0x10002),
      slot(1_010, 1),
      fixed(5_000, 0x10001),
      mark(100_000, { ev: 'get_dirty_log', at: 'begin', slot: 1, round: 0 }),
      ...protect(100_001, 0x10001),
      mark(100_100, { ev: 'get_dirty_log', at: 'end', slot: 1, round: 0, pages: 256, dirty: 1 }),
      bits(100_200, 0, '0000000000000002'),
    ];
    const inferred = new RoundsFromSptes();
    for (const event of parseLines(...lines).events) inferred.add(event);
    inferred.end();
    expect(gfnsOf(inferred.rounds)).toEqual(gfnsOf(roundsOf(...lines).rounds));
  });
});
