// The VMM's thread: harvests and migrates beside a running guest, or acts out a trace's script in step with the vCPUs.
import type { Shared } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  type Gfn,
  getDirtyLog,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
  setMemslotFlags,
  takeDirty,
} from '@faultline/mmu';
import { isStopped, sleep, stopAll } from './control.ts';
import { fill } from './fill.ts';
import type { Job, VmmReport } from './job.ts';
import type { Machine, Region } from './machine.ts';
import { Migration, type MigrationResult, migrate } from './migration.ts';
import type { Action, Step } from './trace-plan.ts';

type VmmJob = Extract<Job, { role: 'vmm' }>;
type ScriptJob = Extract<Job, { role: 'script' }>;

const now = (): number => performance.now();
const PAUSE_BETWEEN_MIGRATIONS_MS = 20;
/** Clients of the dirty log: migration has one, whoever else reads it (a display, a snapshot) another. */
const READER = 1;

/** Harvests, and migrates again and again if asked to, until stopped. */
export function runVmm(mem: Shared, { machine, ...job }: VmmJob): VmmReport {
  const { vm, control } = machine;
  const harvests: number[] = [];
  const migrations: MigrationResult[] = [];
  const period = 1000 / job.harvestsPerSecond;
  let due = now() + period;
  while (!isStopped(mem, control)) {
    if (job.migrate !== undefined) {
      const { destination, downtimeMs, maxRounds } = job.migrate;
      migrations.push(migrate(mem, vm, job.regions, destination, { downtimeMs, maxRounds, now }));
      sleep(mem, control, PAUSE_BETWEEN_MIGRATIONS_MS);
      continue;
    }
    sleep(mem, control, Math.max(0, due - now()));
    due = Math.max(due + period, now());
    for (const { slot } of job.regions) getDirtyLog(mem, vm, slot);
    harvests.push(takeAll(mem, machine, job.regions));
  }
  return { harvests, migrations, passes: 0 };
}

function takeAll(mem: Shared, { vm }: Machine, regions: readonly Region[]): number {
  return regions.reduce((sum, { hvn, npages }) => {
    return sum + takeDirty(mem, vm, { hvn: hvn as Hvn, npages }, READER, () => {});
  }, 0);
}

/** Acts the script out over and over for `seconds`, whole passes only, then stops everybody. */
export function runScript(mem: Shared, job: ScriptJob): VmmReport {
  const { machine, steps, migrate: setup } = job;
  const director = new Director(mem, machine, setup?.destination);
  const end = now() + job.seconds * 1000;
  let passes = 0;
  let epoch = 0;
  do {
    for (const step of steps) actOut(mem, machine, director, step, ++epoch, passes);
    passes++;
  } while (now() < end || passes < LEAST_PASSES);
  stopAll(mem, machine.control);
  openGate(mem, machine, epoch + 1);
  return { harvests: director.harvests, migrations: director.migrations, passes };
}

/** One to warm up, one to time faults, one to time batches. */
const LEAST_PASSES = 3;

function actOut(
  mem: Shared,
  machine: Machine,
  director: Director,
  { action }: Step,
  epoch: number,
  pass: number,
): void {
  for (const reached of machine.control.reached) {
    for (let at = mem.load32(reached); at < epoch; at = mem.load32(reached)) {
      mem.waitWhile(reached, at);
    }
  }
  // A slot and its content are there before the guest goes on; all else happens under running vCPUs.
  const exclusive = action.kind === 'create' || action.kind === 'fill';
  if (!exclusive) openGate(mem, machine, epoch);
  director.act(action, pass);
  if (exclusive) openGate(mem, machine, epoch);
}

function openGate(mem: Shared, { control }: Machine, epoch: number): void {
  mem.store32(control.epoch, epoch);
  mem.notify(control.epoch);
}

/** Does what the script says, and migrates along if there is a destination: each logged stretch is one migration. */
class Director {
  readonly harvests: number[] = [];
  readonly migrations: MigrationResult[] = [];
  readonly #mem: Shared;
  readonly #machine: Machine;
  readonly #destination: Int32Array | undefined;
  readonly #migrating = new Map<Region, Migration>();

  constructor(mem: Shared, machine: Machine, destination: Int32Array | undefined) {
    this.#mem = mem;
    this.#machine = machine;
    this.#destination = destination;
  }

  act(action: Action, pass: number): void {
    const mem = this.#mem;
    const { vm, control } = this.#machine;
    if (action.kind === 'ksm') {
      mem.store32(control.ksm, action.run ? 1 : 0);
      mem.notify(control.ksm);
      return;
    }
    const { region } = action;
    const { slot, gfn, npages, hvn } = region;
    if (action.kind === 'create') {
      const { flags } = action;
      createMemslot(mem, vm, { id: slot, baseGfn: gfn as Gfn, npages, hvn: hvn as Hvn, flags });
      if (flags !== 0) this.#beginMigration(region);
    } else if (action.kind === 'flags') {
      if (action.flags === 0) this.#finishMigration(region);
      setMemslotFlags(mem, vm, slot, action.flags);
      if ((action.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0) this.#beginMigration(region);
    } else if (action.kind === 'delete') {
      this.#finishMigration(region);
      deleteMemslot(mem, vm, slot);
    } else if (action.kind === 'harvest') {
      this.#harvest(region);
    } else if (pass === 0) {
      fill(mem, this.#machine, region);
    }
  }

  #harvest(region: Region): void {
    const dirty = getDirtyLog(this.#mem, this.#machine.vm, region.slot);
    this.harvests.push(dirty);
    takeAll(this.#mem, this.#machine, [region]);
    this.#migrating.get(region)?.sendHarvested();
  }

  #beginMigration(region: Region): void {
    if (this.#destination === undefined || this.#migrating.has(region)) return;
    const migration = new Migration(this.#mem, this.#machine.vm, [region], this.#destination);
    migration.sendAll();
    this.#migrating.set(region, migration);
  }

  #finishMigration(region: Region): void {
    const result = this.#migrating.get(region)?.finish(now);
    this.#migrating.delete(region);
    if (result !== undefined) this.migrations.push(result);
  }
}
