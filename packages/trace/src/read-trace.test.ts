import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { lineOf, parseText } from '../test/parse-text.ts';
import { readTrace, TraceError, type TraceEvent, type TraceSummary } from './index.ts';

const RACE = join(import.meta.dirname, '../../../traces/k6.12-tdp-ksm-race.txt.gz');
const folder = mkdtempSync(join(tmpdir(), 'faultline-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function readAll(path: string): Promise<{ events: TraceEvent[]; summary: TraceSummary }> {
  const events: TraceEvent[] = [];
  const summary = await readTrace(path, (event) => events.push(event));
  return { events, summary };
}

const failureOf = (path: string) =>
  readTrace(path, () => {}).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the bundled trace of the KSM race', () => {
  const race = readAll(RACE);

  it('is read to its last line', async () => {
    expect((await race).summary).toMatchObject({
      file: RACE,
      format: 'ftrace',
      compression: 'gzip',
      events: 70_180,
      decoded: 70_180,
      entriesInBuffer: 70_180,
      entriesWritten: 70_180,
      cpus: 3,
      lost: { overwritten: 0, reported: 0, unnumbered: 0, missing: 0 },
      errorCount: 0,
      truncated: false,
      firstTime: 11_077_613,
      lastTime: 14_048_161,
      clock: 'microseconds',
      unknownColumns: {},
    });
  });
});

describe('the events of that trace', () => {
  const race = readAll(RACE);
  const bodies = async () => (await race).events.map(({ body }) => body);

  it('are as many as the kernel recorded, kind by kind', async () => {
    const counts: Record<string, number> = {};
    for (const { event } of await bodies()) counts[event] = (counts[event] ?? 0) + 1;
    expect(counts).toEqual({
      fast_page_fault: 7531,
      ksm_enter: 1,
      ksm_exit: 1,
      ksm_merge_with_ksm_page: 413,
      ksm_remove_ksm_page: 11,
      ksm_remove_rmap_item: 376,
      ksm_start_scan: 2,
      ksm_stop_scan: 1,
      kvm_apicv_inhibit_changed: 1,
      kvm_entry: 14_718,
      kvm_exit: 14_718,
      kvm_mmu_get_page: 6,
      kvm_mmu_prepare_zap_page: 5,
      kvm_mmu_set_spte: 1329,
      kvm_mmu_spte_requested: 1330,
      kvm_mmu_zap_all_fast: 1,
      kvm_page_fault: 14_368,
      kvm_tdp_mmu_spte_changed: 13_688,
      kvm_track_tsc: 2,
      kvm_unmap_hva_range: 1202,
      kvm_update_master_clock: 3,
      kvm_userspace_exit: 151,
      kvm_write_tsc_offset: 2,
      marker: 209,
      sys_enter_ioctl: 77,
      sys_enter_madvise: 5,
      sys_enter_mmap: 6,
      sys_enter_mprotect: 4,
      sys_enter_munmap: 2,
      sys_exit_madvise: 5,
      sys_exit_mmap: 6,
      sys_exit_mprotect: 4,
      sys_exit_munmap: 2,
    });
  });

  it('hold 7,318 faults that the fast path fixed, 4 spurious ones and 209 it could do nothing for', async () => {
    const faults = (await bodies()).filter((body) => body.event === 'fast_page_fault');
    const fixed = faults.filter((fault) => fault.fixed).length;
    const spurious = faults.filter((fault) => fault.spurious).length;
    expect([fixed, spurious, faults.length - fixed - spurious]).toEqual([7318, 4, 209]);
  });

  it('come in the order of the lines, with who, where and when', async () => {
    const { events } = await race;
    const fault = events.find(({ body }) => body.event === 'fast_page_fault');
    expect(events.every(({ line }, i) => i === 0 || line > (events[i - 1]?.line ?? 0))).toBe(true);
    expect(fault).toMatchObject({ line: 7306, task: 'vcpu0', pid: 175, cpu: 1, time: 11_917_347 });
  });

  it('are all known', async () => {
    expect((await race).summary).toMatchObject({ unknown: {}, damaged: {} });
  });
});

describe('gzip data', () => {
  const packed = readFileSync(RACE);

  it.each([0.2, 0.7, 0.999])(
    'cut at %d of its length gives all that can be unpacked',
    async (part) => {
      const cut = packed.subarray(0, Math.floor(packed.length * part));
      const text = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
      const { events, summary } = await readAll(fileOf('cut.gz', cut));
      expect(events.length).toBe(parseText(text).events.length);
      expect(summary).toMatchObject({ truncated: true, errorCount: 0 });
      expect(summary.lost.missing).toBe(70_180 - summary.events);
    },
  );

  it('without its checksum gives all events, and the summary says truncated', async () => {
    const { summary } = await readAll(fileOf('no-checksum.gz', packed.subarray(0, -8)));
    expect(summary).toMatchObject({ events: 70_180, truncated: true });
  });

  it('that is damaged in the middle gives the events before the damage', async () => {
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 400_000, 400_100);
    const { events, summary } = await readAll(fileOf('damaged.gz', damaged));
    expect(summary.truncated).toBe(true);
    expect(events.length).toBeGreaterThan(30_000);
    expect(events.length).toBeLessThan(69_898);
  });

  it('cut before its first event is an error', async () => {
    const path = fileOf('stub.gz', packed.subarray(0, 20));
    expect(await failureOf(path)).toMatchObject({
      message: `${path}: expected text of ftrace, got an end before the first event`,
    });
  });

  it('may be several members in a row', async () => {
    const member = gzipSync(`${lineOf('kvm_entry: vcpu 1, rip 0x10000')}\n`);
    const { events } = await readAll(fileOf('two.gz', Buffer.concat([member, member])));
    expect(events.map(({ line }) => line)).toEqual([1, 2]);
  });

  it('with a binary trace inside is told apart', async () => {
    const path = fileOf('trace.dat.gz', gzipSync('\u0017\bDtracing7'));
    expect(await failureOf(path)).toMatchObject({ message: expect.stringContaining('trace.dat') });
  });
});

describe('plain text', () => {
  it('is read without being unpacked', async () => {
    const path = fileOf('plain.txt', `${lineOf('kvm_entry: vcpu 1, rip 0x10000')}\n`);
    const { events, summary } = await readAll(path);
    expect([events.length, summary.compression]).toEqual([1, 'none']);
  });
});

describe('a path that leads to no trace', () => {
  it.each([
    ['a missing file', () => join(folder, 'absent.txt'), 'a readable file, got no such file'],
    ['a directory', () => folder, 'a readable file, got a directory'],
    ['an empty file', () => fileOf('empty', ''), 'text of ftrace, got an empty file'],
    [
      'empty gzip data',
      () => fileOf('empty.gz', gzipSync('')),
      'text of ftrace, got an empty file',
    ],
    [
      'a single byte',
      () => fileOf('one', '\u001f'),
      'text of ftrace, got an end before the first event',
    ],
  ])('is a TraceError: %s', async (_, make, expected) => {
    const path = make();
    const failure = await failureOf(path);
    expect(failure).toBeInstanceOf(TraceError);
    expect(failure).toMatchObject({ file: path, message: `${path}: expected ${expected}` });
  });

  it('is a TraceError: random bytes', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff);
    const failure = await failureOf(fileOf('random', bytes));
    expect(failure).toBeInstanceOf(TraceError);
    expect(failure).toMatchObject({ line: 1, message: expect.stringContaining('got binary data') });
  });
});

describe('a listener that throws', () => {
  it('ends the reading with what it threw', async () => {
    const reading = readTrace(RACE, () => {
      throw new RangeError('enough');
    });
    await expect(reading).rejects.toThrow(RangeError);
  });
});
