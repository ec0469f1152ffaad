// The bundled trace on real worker threads, in the fewest passes there are: to warm up, to time faults, to time batches.
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { readTrace } from '@faultline/trace';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  DIRTY_LOGS,
  type RunReport,
  runTrace,
  type TracePlan,
  TracePlanner,
} from '../src/index.ts';
import { created, harvestOf, marker, memslot, planOf, touch } from './trace-events.ts';

const BUNDLED = new URL('../../../traces/k6.12-tdp-ksm-race.txt.gz', import.meta.url);
const PATHS = ['slow', 'merged', 'current'] as const;
const seconds = 0.1;
const timeout = 30_000;

describe('the bundled trace', { timeout }, () => {
  let plan: TracePlan;
  beforeAll(async () => {
    const planner = new TracePlanner();
    await readTrace(fileURLToPath(BUNDLED), (event) => planner.add(event));
    plan = planner.plan();
  });

  describe.each(PATHS)('on path %s', (faultPath) => {
    let report: RunReport;
    beforeAll(async () => {
      report = await runTrace(plan, { faultPath, seconds });
    }, timeout);

    it('loses nothing', () => {
      const words = plan.hostPages * 1024;
      expect(report.integrity).toMatchObject({ ok: true, lostWrites: [], words });
    });

    it('is played three times at least', () => {
      expect(report.passes).toBeGreaterThanOrEqual(3);
    });

    it('is harvested as often as it was, in each pass', () => {
      expect(report.harvests.length).toBe(report.passes * plan.kernel.harvests);
    });

    it(`has ${faultPath === 'slow' ? 'none' : 'some'} of its faults repaired without mmu_lock`, () => {
      expect(report.stat.pf_fast > 0).toBe(faultPath !== 'slow');
    });

    it('has pages merged, and none of them changed', () => {
      expect([report.ksm?.changed, (report.ksm?.merged ?? 0) > 0]).toEqual([0, true]);
    });

    it('arrives whole where it is migrated to, once for each stretch that was logged', async () => {
      const migrating = await runTrace(plan, { faultPath, seconds, migrate: true });
      expect(migrating.integrity).toMatchObject({ ok: true, migrationDifferences: 0 });
      expect(migrating.migrations.length).toBe(migrating.passes * LOGGED_STRETCHES);
    });

    it('is played by one vCPU in the place of two', async () => {
      const { integrity, vcpus } = await runTrace(plan, { faultPath, seconds, vcpus: 1 });
      expect([integrity.ok, vcpus]).toEqual([true, 1]);
    });
  });

  it('is not played by more vCPUs than it has', async () => {
    await expect(runTrace(plan, { faultPath: 'slow', seconds, vcpus: 3 })).rejects.toThrow(
      new RangeError("expected at most the trace's 2 vCPUs, got 3"),
    );
  });
});

/** The trace switches the dirty log of slot 1 on once. */
const LOGGED_STRETCHES = 1;

describe('a trace made by hand', { timeout }, () => {
  const play = (plan: TracePlan) => runTrace(plan, { faultPath: 'current', seconds });

  it('has its touches without a memslot emulated', async () => {
    const { stat, passes } = await play(planOf(created(), touch(5), touch(0x100)));
    expect(stat.pf_emulate).toBe(passes - 1);
  });

  it('without a logged slot has no migration', async () => {
    const plan = planOf(created(), touch(0x100));
    const { migrations } = await runTrace(plan, { faultPath: 'slow', seconds, migrate: true });
    expect(migrations).toEqual([]);
  });

  it('whose slot comes and goes while vCPUs fault loses nothing', async () => {
    const touches = (n: number) =>
      Array.from({ length: 64 }, (_, i) => touch(0x100 + (i % 16), { vcpu: i % 2, word: n }));
    const plan = planOf(
      created({ flags: 1 }),
      ...touches(1),
      ...harvestOf(1),
      ...touches(2),
      memslot('delete', 'begin'),
      ...touches(3),
      created(),
      ...touches(4),
      memslot('flags', 'begin', { flags: 1 }),
      ...touches(5),
    );
    expect((await play(plan)).integrity.ok).toBe(true);
  });
});

describe.each(DIRTY_LOGS)('a trace with the log of another, %s', { timeout }, (dirtyLog) => {
  const touches = (n: number) =>
    Array.from({ length: 64 }, (_, i) => touch(0x100 + (i % 16), { vcpu: i % 2, word: n }));
  const clear = (at: 'begin' | 'end') =>
    marker({ ev: 'clear_dirty_log', at, slot: 1, round: 0, first_page: 0, num_pages: 16 });
  const reset = (at: 'begin' | 'end') => marker({ ev: 'reset_dirty_rings', at });
  const plans = {
    cleared: planOf(
      created({ flags: 1 }),
      ...touches(1),
      ...harvestOf(1),
      ...touches(2),
      clear('begin'),
      clear('end'),
      ...touches(3),
      ...harvestOf(1),
    ),
    reset: planOf(
      created({ flags: 1 }),
      ...touches(1),
      reset('begin'),
      reset('end'),
      ...touches(2),
      reset('begin'),
      ...touches(3),
    ),
    harvested: planOf(created({ flags: 1 }), ...touches(1), ...harvestOf(1), ...touches(2)),
  };

  it.each(['cleared', 'reset', 'harvested'] as const)(
    'loses nothing where it was %s',
    async (name) => {
      const options = {
        faultPath: 'current',
        seconds,
        dirtyLog,
        dirtyRing: 8,
        migrate: true,
      } as const;
      const { integrity, migrations, passes } = await runTrace(plans[name], options);
      expect([integrity.ok, migrations.length]).toEqual([true, passes]);
    },
  );
});

describe('a thread that throws', { timeout }, () => {
  /** Its slot lies beyond the memory of the VMM. */
  function impossible(): TracePlan {
    const plan = planOf(created(), touch(0x100), touch(0x101, { vcpu: 1 }));
    const beyond = { slot: 1, gfn: 0x100, npages: 16, hvn: 99 };
    const [create, ...rest] = plan.steps;
    const touched = create?.touched ?? [];
    return {
      ...plan,
      mergeable: plan.regions,
      steps: [{ action: { kind: 'create', region: beyond, flags: 0 }, touched }, ...rest],
    };
  }
  const run = () => runTrace(impossible(), { faultPath: 'current', seconds: 1000 });

  it('ends the run with its error, and its name', async () => {
    await expect(run()).rejects.toThrow(
      'VMM: expected host pages below 16, got slot 1, gfn 0x100 + 16 pages at host page 99',
    );
  });

  it('has its own error as the cause', async () => {
    const error: unknown = await run().catch((reason: unknown) => reason);
    expect((error as Error).cause).toBeInstanceOf(RangeError);
  });

  it('leaves no thread running', async () => {
    const threads: Worker[] = [];
    const running = new Set<Worker>();
    const began = (worker: Worker): void => {
      threads.push(worker);
      running.add(worker);
      worker.once('exit', () => running.delete(worker));
    };
    process.on('worker', began);
    await run().catch(() => {});
    process.off('worker', began);
    expect([threads.length, running.size]).toEqual([4, 0]); // two vCPUs, the VMM, ksmd
  });
});
