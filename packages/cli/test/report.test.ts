// `faultline report` as a user meets it: every line of a page, the formats, the exit codes.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { OF_A_VCPU } from '../../trace/test/recorded-races.ts';
import { faultline, scratch } from './command.ts';
import { counts, fault, fixed, harvest, marker, memslot, SOUND, text } from './trace-text.ts';

const files = scratch();
const BUNDLED = fileURLToPath(
  new URL('../../../traces/k6.12-tdp-ksm-race.txt.gz', import.meta.url),
);
const race = files.put('race.txt', text(...OF_A_VCPU.map((line) => ` ${line}`)));
const report = (...words: string[]) => faultline('report', ...words);

describe('a report', () => {
  it.each([
    ['of weeks', 2_000_000],
    ['of a thousand years, for one damaged digit', 99_999_999_999],
  ])('may be %s', async (_, seconds) => {
    const late = (line: string) => line.replace('8.652615', `${seconds}.652615`);
    const harvested = marker({ ev: 'get_dirty_log', at: 'end', slot: 0, round: 0, dirty: 1 });
    const log = [late(harvest(0)), late(harvested)];
    const file = files.put('weeks.txt', text(memslot(0), fixed(0x100), late(fixed(0x101)), ...log));
    const { code, out } = await report(file);
    expect([code, out]).toEqual([0, expect.stringContaining('in the busiest second')]);
  });

  it('is a page', async () => {
    const { code, out, err } = await report(race);
    expect([code, err]).toEqual([0, '']);
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      race.txt: 8 events in 1.13 s, none lost
        AMD, TDP MMU (1 kvm_tdp_mmu_spte_changed); 1 vCPU with faults, on 2 CPUs
        32.058708 to 33.185096, the trace's clock; on an emulated host it gives the order, not durations
        kernel not named by the trace

      Faults by kind: 1 fault, times from exit to re-entry
        p50, p99, p99.9 are exact
                                               count    share      p50      p99    p99.9  stall ms
        fast path: spte gone in flight (race)      1  100.0 %  40.0 us  40.0 us  40.0 us      0.04
        => fast path: spte gone in flight (race): the host took the page under the fault; see the races

      vCPU stall: not in the guest because of a fault
                            faults      p99  longest  stall ms  of time  dirty log  of time
        vCPU 2 (vcpu2-229)       1  40.0 us  40.0 us      0.04   44.9 %       0.00    0.0 %
        => 0.0 % of it is the dirty log; most (100.0 %) is "fast path: spte gone in flight (race)": the
           host took the page under the fault; see the races

      Dirty log: no harvest in this trace

      Fast path: repaired 0.0 % of the faults on protection (0 of 1)
        it repaired none, so it saved no time
        => the rest took mmu_lock: the kinds above say why

      Guest memory that costs most, 1 of 1 ranges
                             size  faults  a page   fast  stall ms    share
        gfn 10006-10006  4.00 KiB       1     1.0  0.0 %      0.04  100.0 %

      Host: 1 mmu notifier call took pages away, by vcpu3 1 (4.00 KiB)
        no vCPU spun on one page
        => few: the host left the memory alone

      Races: 1 fault whose spte changed in flight
                                   count
        right withdrawn in flight      1
        => right withdrawn in flight: hardware found the page present, the fast path found nothing: the
           race of the 2012 review. It loses safely, because it tests and exchanges one whole word.

        33.185080: right withdrawn in flight, gfn 10006
                    vcpu2-229 (vCPU 2, CPU 3)                 | vcpu3-230 (CPU 2)
             -73.0  kvm_entry: runs the guest                 |
             -62.0                                            | kvm_unmap_hva_range
                                                              |   7f66b1406000-7f66b1407000
                    writes to gfn 10006; hardware finds the   |
                      page present and not writable           |
             -24.0  kvm_exit                                  |
             -23.0                                            | zaps: 133a82825 [P U A *] ->
                                                              |   8000000000000000
               0.0  fast path reads 8000000000000000: not     |
                      present, no exchange (INVALID)          |
             +16.0  kvm_entry: the guest tries again          |
        What hardware saw was not the fast path's to fix either: nothing was at stake.
      "
    `);
  });

  it('of a recorded trace fits a mail, and its kinds add up', async () => {
    const { code, out } = await report(BUNDLED);
    expect(code).toBe(0);
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(out).toContain('Faults by kind: 14,368 faults');
    expect(out).toMatch(/^ {2}fast path: fixed without mmu_lock +7,318 /m);
  });

  it('without a TRACE is of the bundled one', async () => {
    expect((await report('--by', 'vcpu')).out).toContain(
      'k6.12-tdp-ksm-race.txt.gz: 70,180 events',
    );
  });

  it('may be one table in full', async () => {
    const { out } = await report(BUNDLED, '--by', 'round');
    expect(out).toContain('Dirty log: ');
    expect(out).not.toContain('Faults by kind');
    expect(out).not.toContain('--by round has the other');
  });

  it('draws all races', async () => {
    const { out } = await report(BUNDLED, '--races');
    expect(out.match(/repaired by another vCPU first, gfn/g)).toHaveLength(4);
  });

  it('says how fast it was, apart from the page', async () => {
    expect((await report(race, '-v')).err).toMatch(
      /^\d+\.\d\d s for reading and analysis, \d+\.\d\d M events\/s\n$/,
    );
  });
});

describe('a report of a part', () => {
  it.each([
    ['--vcpu', '1', 'ONLY the faults of vCPU 1'],
    ['--pid', '175', 'ONLY the faults of thread 175'],
    ['--time', '11.9,12.1', 'ONLY the faults of time 11.900000..12.100000'],
    ['--time', ',12', 'ONLY the faults of time ..12.000000'],
    ['--gfn', '10000-100ff', 'ONLY the faults of gfn 10000..100ff'],
  ])('says so: %s %s', async (option, value, says) => {
    const { code, out } = await report(BUNDLED, option, value);
    expect([code, out.includes(says)]).toEqual([0, true]);
  });

  it('that has no fault is no success', async () => {
    const { code, out, err } = await report(race, '--vcpu', '9');
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(
      `faultline: ${race}: expected faults that the options let through, got none; without them there may be some\n`,
    );
  });
});

describe('a report for programs', () => {
  it('is JSON with a schema', async () => {
    const parsed = JSON.parse((await report(race, '--json')).out);
    expect(parsed).toMatchObject({
      schema: 'faultline/report',
      version: 1,
      unit: 'ns',
      faults: 1,
      kinds: [{ kind: 'zapped_in_flight', count: 1, sum: 40_000, soWhat: expect.any(String) }],
      races: [{ kind: 'withdrawn', gfn: 0x10006, steps: expect.any(Array) }],
    });
  });

  it('is CSV, a figure a line', async () => {
    const lines = (await report(BUNDLED, '--format', 'csv')).out.split('\r\n');
    expect(lines[0]).toBe('key,label,value,unit,better');
    expect(lines).toContain('kind.fast_fixed.count,fast path: fixed without mmu_lock,7318,events,');
    expect(lines).toContain('kind.cow.count,"host page read-only: copied (KSM, fork)",209,events,');
    expect(new Set(lines.map((line) => line.split(',')[0])).size).toBe(lines.length);
  });

  it.each([
    ['kind', 'kind,count,p50,p99,p999,max,sum', 'fast_fixed,7318,'],
    ['vcpu', 'vcpu,pid,task,faults,p50,p99,p999,max,sum,loggingStall,span', '0,175,vcpu0,'],
    ['gfn', 'firstGfn,lastGfn,faults,fast,stall', ''],
    [
      'round',
      'round,phase,since,begin,end,dirtyPages,stall of vCPU 0 (175),stall of vCPU 1 (176)',
      '1,',
    ],
  ])('is CSV of one breakdown: %s', async (by, head, first) => {
    const lines = (await report(BUNDLED, '-f', 'csv', '--by', by)).out.split('\r\n');
    expect([lines[0], lines[1]?.startsWith(first)]).toEqual([head, true]);
  });

  it('is Markdown', async () => {
    const { out } = await report(race, '-f', 'md');
    expect(out).toContain('| fast path: spte gone in flight (race) | 1 | 100.0 % |');
    expect(out).toContain('```text\n33.185080: right withdrawn in flight, gfn 10006\n');
  });
});

describe('a trace that is not whole', () => {
  const lost = files.put('lost.txt', text(counts(11, 20), ...SOUND));

  it('is reported, with what is missing', async () => {
    const { code, out } = await report(lost);
    expect(code).toBe(0);
    expect(out).toContain('9 LOST');
    expect(out).toContain('9 events LOST: overwritten before they were read');
  });

  it('is refused by --strict, after the report', async () => {
    const { code, out } = await report(lost, '--strict');
    expect([code, out.includes('Faults by kind')]).toEqual([3, true]);
  });

  it('and cut ends with 3, and its sound part is reported', async () => {
    const packed = gzipSync(text(...SOUND));
    const file = files.put('cut.gz', packed.subarray(0, packed.length - 4));
    const { code, out } = await report(file);
    expect([code, out.includes('the input ends too early')]).toEqual([3, true]);
  });

  it('and has no faults is refused in one line', async () => {
    const file = files.put('none.txt', text(memslot(1)));
    expect(await report(file)).toEqual({
      code: 3,
      out: '',
      err: `faultline: ${file}: expected faults of a vCPU, got none; usual cause: recorded without kvm:kvm_page_fault and kvmmmu:fast_page_fault\n`,
    });
  });

  it('and has no re-entries says what to record', async () => {
    const file = files.put(
      'no-entries.txt',
      text(fault(0x100), fixed(0x100), fault(0x101), fixed(0x101)),
    );
    expect((await report(file)).out).toContain('record kvm:kvm_entry and kvm:kvm_exit too');
  });
});

describe('a trace whose clock counts ticks', () => {
  it('has none of its durations without their unit', async () => {
    const ticks = text(...OF_A_VCPU.map((line) => ` ${line.replace(/(\d+)\.(\d{6}):/, '$1$2:')}`));
    const { out } = await report(files.put('ticks.txt', ticks));
    expect(out).toMatch(/^ticks\.txt: \d+ events in [\d.,]+ k ticks, none lost$/m);
    expect(out).toMatch(/^ +faults +p99 ticks +longest +stall Mticks/m);
  });
});

describe('bad words', () => {
  it.each([
    [['--by', 'page'], "--by: expected one of kind, vcpu, round, gfn, got 'page'"],
    [['--time', '5'], "--time: expected FROM,TO in seconds as 8.65,9.2, got '5'"],
    [['--time', '9,8'], "--time: expected FROM,TO in seconds as 8.65,9.2, got '9,8'"],
    [['--gfn', 'xyz'], "--gfn: expected FIRST-LAST in hexadecimal as 10000-103ff, got 'xyz'"],
    [['--format', 'xml'], "--format: expected one of text, json, csv, md, got 'xml'"],
    [['--by', 'gfn', '--races'], 'expected --by or --races, got both'],
  ])('%s', async (words, message) => {
    expect(await report(race, ...words)).toEqual({
      code: 2,
      out: '',
      err: `faultline: ${message}\n`,
    });
  });
});
