import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkDat, checkText } from '../src/traces-check/check-file.ts';
import { checkByTraceCmd } from '../src/traces-check/check-trace-cmd.ts';
import { readCounted, readingOf } from '../src/traces-check/counted.ts';
import { readIndex } from '../src/traces-check/index-file.ts';
import { traceCmdVersion } from '../src/traces-check/trace-cmd.ts';

const TRACES = join(import.meta.dirname, '../../../traces');
const TEXT = join(TRACES, 'k6.12-tdp-ksm-race.txt.gz');

const folder = mkdtempSync(join(tmpdir(), 'faultline-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEAD =
  'file\tevents\tgz_bytes\tdat_bytes\tfpf_fixed\tfpf_spurious\tfpf_neither\tset_spte\ttdp_spte_changed\tkvm_page_fault\tother\tcommand';
const index = (...rows: string[]) => {
  const path = join(folder, 'INDEX.tsv');
  writeFileSync(path, [HEAD, ...rows, ''].join('\n'));
  return readIndex(path);
};

describe('the bundled trace', () => {
  const row = (fixed: number) =>
    index(
      `race\t70180\t1\t2\t${fixed}\t4\t209\t1329\t13688\t14368\tkvm_unmap_hva_range=1202 kvm_mmu_zap_all_fast=1\tkvmw ksmrace vcpus=2`,
    ).get('race');

  it('has the counts of its index row', async () => {
    const { ok, lines } = await checkText(TEXT, row(7318));
    expect([ok, lines]).toEqual([true, ['70,180 events, all 9 counts as in the index']]);
  });

  it('has not those of another row', async () => {
    const { ok, lines } = await checkText(TEXT, row(7319));
    expect([ok, lines]).toEqual([
      false,
      ['70,180 events, NOT as the index says', '  fast_page_fault fixed: 7318, in the index 7319'],
    ]);
  });

  it('is as a trace.dat equal to its text, and not to another', async () => {
    const dat = TEXT.replace('.txt.gz', '.dat');
    const { counted } = await checkText(TEXT, undefined);
    expect((await checkDat(dat, counted)).lines).toEqual([
      "70,180 events, each equal to the text's",
    ]);
    const fingerprints = counted.fingerprints.slice();
    fingerprints[2 * 300] = (fingerprints[2 * 300] ?? 0) ^ 1;
    const other = await checkDat(dat, { ...counted, fingerprints });
    expect([other.ok, other.lines[0]]).toEqual([
      false,
      '70,180 events, DIFFERENT from event 301 on',
    ]);
    expect(other.lines[1]?.replace('  dat  ', '')).toBe(other.lines[2]?.replace('  text ', ''));
  });
});

describe.skipIf(traceCmdVersion() === undefined)('trace-cmd, where it is installed', () => {
  it('prints and converts the bundled trace.dat to what is read as the same events', async () => {
    const dat = TEXT.replace('.txt.gz', '.dat');
    const said: string[] = [];
    const counted = await readCounted(readingOf(dat));
    await checkByTraceCmd(dat, counted, ({ lines }) => said.push(...lines));
    expect(said).toEqual([
      "trace-cmd report -N -t: 70,180 events, each equal to the dat's",
      "trace-cmd report: 70,169 events, each equal to the dat's",
      "trace-cmd report -l: 70,169 events, each equal to the dat's",
      "trace-cmd convert, version 6, none: 70,180 events, each equal to the dat's",
      "trace-cmd convert, version 7, none: 70,180 events, each equal to the dat's",
      "trace-cmd convert, version 7, zstd: 70,180 events, each equal to the dat's",
    ]);
  }, 60_000);
});

describe('an index', () => {
  it('with a row too short is refused with its line', () => {
    expect(() => index('a\t1')).toThrow('INDEX.tsv:2: expected 12 columns');
  });
});
