// Guest programs on real worker threads, each for a moment. What is asserted holds at any speed.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  DIRTY_LOGS,
  GUESTS,
  type GuestName,
  type RunOptions,
  type RunReport,
  runGuest,
} from '../src/index.ts';

const PATHS = ['slow', 'merged', 'current'] as const;
const NAMES = Object.keys(GUESTS) as GuestName[];
const MOMENT = { seconds: 0.05, pages: 64 };

const NOTHING_LOST = {
  wrongWords: 0,
  wrongSptes: 0,
  damagedFrame: false,
  lostWrites: [],
  changedMergedPages: 0,
  changedKeptPages: 0,
  changedAway: 0,
  migrationDifferences: 0,
  ok: true,
};

const run = (name: GuestName, options: Partial<RunOptions>) =>
  runGuest(name, { faultPath: 'current', ...MOMENT, ...options });

const timeout = 30_000;

describe.each(NAMES)('the guest %s on two vCPUs', { timeout }, (name) => {
  describe.each(['shared', 'exclusive'] as const)('with mmu_lock %s', (faultLock) => {
    it.each(PATHS)('loses nothing on path %s', async (faultPath) => {
      const { integrity } = await run(name, { faultPath, faultLock });
      expect(integrity).toMatchObject(NOTHING_LOST);
    });
  });

  it.each(PATHS)('arrives whole wherever it is migrated to, on path %s', async (faultPath) => {
    const { integrity, migrations } = await run(name, { faultPath, migrate: true });
    expect(integrity).toMatchObject(NOTHING_LOST);
    expect(migrations.length).toBeGreaterThan(0);
  });
});

describe.each(DIRTY_LOGS)('a guest whose log is of the kind %s', { timeout }, (dirtyLog) => {
  it.each(NAMES)('loses nothing: %s', async (name) => {
    const report = await run(name, { dirtyLog, dirtyRing: 16 });
    expect(report).toMatchObject({ dirtyLog, integrity: NOTHING_LOST });
  });

  it.each(PATHS)('arrives whole wherever it is migrated to, on path %s', async (faultPath) => {
    const options = { faultPath, dirtyLog, dirtyRing: 16, migrate: true };
    const { integrity, migrations } = await run('random', options);
    expect(integrity).toMatchObject(NOTHING_LOST);
    expect(migrations.length).toBeGreaterThan(0);
  });
});

describe.each(NAMES)('the guest %s in the legacy MMU', { timeout }, (name) => {
  it.each(PATHS)('loses nothing on path %s', async (faultPath) => {
    const report = await run(name, { mmu: 'legacy', faultPath });
    expect(report).toMatchObject({ mmu: 'legacy', integrity: NOTHING_LOST });
  });

  it('arrives whole wherever it is migrated to, over huge pages', async () => {
    const options = { mmu: 'legacy', transparentHugepage: true, migrate: true } as const;
    const { integrity, migrations } = await run(name, options);
    expect(integrity).toMatchObject(NOTHING_LOST);
    expect(migrations.length).toBeGreaterThan(0);
  });
});

describe('a guest with short dirty rings', { timeout }, () => {
  it('waits for room in them, and loses nothing', async () => {
    const { stat, integrity } = await run('random', {
      dirtyLog: 'ring',
      dirtyRing: 8,
      seconds: 1,
    });
    expect([stat.dirty_ring_exits > 0, integrity.ok]).toEqual([true, true]);
  });
});

describe.each([1, 3, 4])('a guest on %i vCPUs', { timeout }, (vcpus) => {
  it.each(PATHS)('loses nothing on path %s', async (faultPath) => {
    const report = await run('random', { faultPath, vcpus, migrate: vcpus === 3 });
    expect(report).toMatchObject({ vcpus, integrity: NOTHING_LOST });
  });
});

describe('the guest framebuffer', { timeout }, () => {
  let report: RunReport;
  beforeAll(async () => {
    report = await run('framebuffer', { seconds: 0.2 });
  }, timeout);

  it('has the pages of its screen, whatever was asked for', () => {
    expect(report.pages).toBe(768);
  });

  it('is harvested for its display: what was painted since, never more than the screen', () => {
    expect(Math.max(...report.harvests)).toBeGreaterThan(0);
    expect(Math.max(...report.harvests)).toBeLessThanOrEqual(768);
  });
});

describe('the guest ksm', { timeout }, () => {
  it('has pages merged', async () => {
    const { ksm } = await run('ksm', { seconds: 0.3 });
    expect(ksm?.merged).toBeGreaterThan(0);
  });
});

describe.each(PATHS)(
  'a host that does all it can to the pages of a guest, on path %s',
  {
    timeout,
  },
  (faultPath) => {
    it.each([true, false])('loses nothing (migrated meanwhile: %s)', async (migrate) => {
      const options = { faultPath, hostActs: true, migrate, seconds: 0.3, vcpus: 3 };
      const { integrity, host } = await run('zipf', options);
      expect(integrity).toMatchObject(NOTHING_LOST);
      expect(host?.swappedOut).toBeGreaterThan(0);
      expect(host?.broughtIn).toBeGreaterThan(0);
    });

    it('and that merges them too', async () => {
      const { integrity } = await run('ksm', { faultPath, hostActs: true, seconds: 0.3 });
      expect(integrity).toMatchObject(NOTHING_LOST);
    });
  },
);
describe('the guest plug', { timeout }, () => {
  it('has memory moved, taken away and brought back, and finds nothing where it is not', async () => {
    const { slots, stat } = await run('plug', { seconds: 0.5 });
    const { created = 0, deleted = 0, moved = 0 } = slots ?? {};
    expect([created > 0, deleted > 0, moved > 0, stat.pf_emulate > 0]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});

describe.each(PATHS)('a run on path %s', { timeout }, (faultPath) => {
  let report: RunReport;
  beforeAll(async () => {
    report = await run('sequential', { faultPath, seconds: 0.4, harvestsPerSecond: 500 });
  }, timeout);

  it('says which path it was', () => {
    expect(report.faultPath).toBe(faultPath);
  });

  it('counts each fault as one kind', () => {
    const { stat } = report;
    const { pf_fast, pf_spurious, pf_fast_retry, pf_slow, pf_retry, pf_emulate } = stat;
    const kinds = pf_fast + pf_spurious + pf_fast_retry + pf_slow + pf_retry + pf_emulate;
    expect([stat.pf_taken > 0, kinds]).toEqual([true, stat.pf_taken]);
  });

  it(`repairs ${faultPath === 'slow' ? 'no' : 'some'} faults without mmu_lock`, () => {
    expect(report.stat.pf_fast > 0).toBe(faultPath !== 'slow');
  });

  it('has percentiles in order', () => {
    const { p50, p99, p999, p9999, max } = report.latency;
    const inOrder = [0, p50, p99, p999, p9999, max];
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
  });

  it('has a stall for each vCPU, and for how long that was measured', () => {
    const said = report.stall.map(({ ms = 0, ofMs }) => ms >= 0 && ofMs > 0);
    expect(said).toEqual([true, true]);
  });

  it('has harvested the log, and found no more pages than there are', () => {
    expect(report.harvests.length).toBeGreaterThan(0);
    expect(Math.max(...report.harvests)).toBeLessThanOrEqual(report.pages);
  });
});

describe('a run that cannot be', () => {
  it('is refused before any thread starts', async () => {
    await expect(run('random', { vcpus: 65 })).rejects.toThrow(
      new RangeError('expected vcpus between 1 and 64, got 65'),
    );
  });
});

describe('the guest key-value', { timeout }, () => {
  it('finds all its records while the host does what it can to its pages', async () => {
    const { integrity } = await run('key-value', { hostActs: true, seconds: 0.5 });
    expect(integrity).toMatchObject(NOTHING_LOST);
  });
});

describe('the guest plug with short dirty rings', { timeout }, () => {
  it.each([1, 2, 3])('comes to an end, however its slots were logged last (%i)', async () => {
    const options = { dirtyLog: 'ring', dirtyRing: 8, vcpus: 1, pages: 64 } as const;
    const { integrity } = await run('plug', { ...options, migrate: true, seconds: 0.3 });
    expect(integrity).toMatchObject(NOTHING_LOST);
  });
});
