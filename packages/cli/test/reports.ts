// Reports and traces made by hand, for what prints them.
import type { RunReport, TracePlan } from '@faultline/runner';
import type { TraceSummary } from '@faultline/trace';
import type { LoadedTrace } from '../src/trace-input.ts';

type Faultpath = RunReport['faultPath'];

export const PATHS: readonly Faultpath[] = ['slow', 'merged', 'current'];

const FAULTS: RunReport['stat'] = {
  pf_taken: 1000,
  pf_fast: 600,
  pf_spurious: 10,
  pf_fast_retry: 20,
  pf_slow: 300,
  pf_retry: 60,
  pf_efault: 0,
  pf_emulate: 10,
  pf_mmio_spte_created: 2,
  mmio_cached: 5,
  mmio_fast: 3,
  mmio_stale: 1,
  tlb_fill: 0,
  hw_accessed: 0,
  hw_dirty: 0,
  tlb_flush: 90,
  exits: 0,
  dirty_ring_exits: 0,
};

const SOUND: RunReport['integrity'] = {
  words: 1_048_576,
  wrongWords: 0,
  wrongSptes: 0,
  damagedFrame: false,
  lostWrites: [],
  changedMergedPages: 0,
  changedKeptPages: 0,
  changedAway: 0,
  readerDifferences: 0,
  snapshotDifferences: 0,
  migrationDifferences: 0,
  ok: true,
};

/** A guest's report, of a run in which all went well. */
export const report = (of: Partial<RunReport> = {}): RunReport => ({
  faultPath: 'current',
  dirtyLog: 'bitmap',
  mmu: 'tdp',
  vcpus: 2,
  pages: 1024,
  passes: 0,
  stat: FAULTS,
  latency: { p50: 39, p99: 9119, p999: 11_300, p9999: 8_192_000, max: 19_300_000, count: 500 },
  timerNs: 40,
  meanNs: 1500,
  timedMeanNs: 1700,
  stall: [
    { ms: 20, ofMs: 800 },
    { ms: 10, ofMs: 800 },
  ],
  lock: { waits: 5, waitedMs: 12, writes: 6, writtenMs: 24, readMs: 36 },
  harvests: [10, 20],
  migrations: [],
  ksm: undefined,
  host: undefined,
  aging: undefined,
  readers: undefined,
  snapshots: undefined,
  slots: undefined,
  integrity: SOUND,
  ...of,
});

export const damaged = (of: Partial<RunReport['integrity']>): RunReport =>
  report({ integrity: { ...SOUND, ok: false, ...of } });

const SUMMARY: TraceSummary = {
  file: '/tmp/a.txt',
  format: 'ftrace',
  compression: 'none',
  lines: 100,
  events: 90,
  decoded: 80,
  entriesInBuffer: undefined,
  entriesWritten: undefined,
  cpus: 2,
  lost: { overwritten: 0, reported: 0, dropped: 0, unnumbered: 0, missing: 0 },
  counts: {},
  unknown: {},
  damaged: {},
  unknownColumns: {},
  errors: [],
  errorCount: 0,
  truncated: false,
  firstTime: 0,
  lastTime: 1,
  clock: 'microseconds',
};

/** A trace of two vCPUs, read and planned. */
export const loaded = (
  summary: Partial<TraceSummary> = {},
  plan: Partial<TracePlan> = {},
): LoadedTrace => ({
  name: 'a.txt',
  summary: { ...SUMMARY, ...summary },
  plan: {
    vcpus: 2,
    hostPages: 1024,
    regions: [],
    steps: [],
    touches: [],
    kernel: {
      pageFaults: 200,
      fastFixed: 100,
      fastSpurious: 4,
      fastInvalid: 3,
      setSpte: 60,
      mmioFaults: 0,
      mmioSptes: 0,
      mmioFast: 0,
      mmioStale: 0,
      splits: 0,
      harvests: 5,
      dirtyPages: 55,
      merged: 8,
    },
    transparentHugepage: false,
    dirtyLog: 'bitmap',
    mmu: 'tdp',
    dirtyRing: 1024,
    mergeable: [],
    notes: [],
    ...plan,
  },
});
