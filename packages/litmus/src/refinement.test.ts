// What the fast paths may be seen to do is what the slow path does: no end of a race under them is new.
import { check, newOutcomes, type Program } from '@faultline/checker';
import { fastPageFault, fastPageFault2012, writeProtectHostPage } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { type FaultHandler, guestWriteBy } from './historical/guest-store.ts';
import { writeProtectHostPage2012 } from './historical/notifier-clears-w.ts';
import { sketchMarkFirst } from './historical/sketch.ts';
import { merge, type Protect } from './host-acts.ts';
import { contentOf, isMarked, pageIsMerged } from './properties.ts';
import { round } from './seed/mark-dirty-after-cmpxchg.ts';
import { race } from './setting.ts';
import { gfn0, harvestAll, hvn0, touch } from './small-vm.ts';

const BEFORE = 7;
const write = (value: number, fast: FaultHandler | undefined) =>
  guestWriteBy(fast === undefined ? {} : { fast }, gfn0, value);

/** Guest memory, what the migration copied, and the log: all that anybody outside the MMU can see. */
const migrated = (fast?: FaultHandler): Program =>
  race({
    name: 'migrated',
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      harvestAll(mem, vm);
    },
    vcpus: [write(1, fast)],
    agents: { migration: round },
    observe: (mem, vm, { migration }) => [
      contentOf(mem, vm, hvn0),
      migration,
      isMarked(mem, vm, hvn0),
    ],
  });

const merged = (fast?: FaultHandler, protect: Protect = writeProtectHostPage): Program =>
  race({
    name: 'merged',
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      harvestAll(mem, vm);
    },
    vcpus: [write(1, fast)],
    agents: { ksmd: merge(hvn0, BEFORE, protect) },
    observe: (mem, vm) => [
      contentOf(mem, vm, hvn0),
      pageIsMerged(hvn0)(mem, vm),
      isMarked(mem, vm, hvn0),
    ],
  });

const added = (program: Program, reference: Program): string[] =>
  newOutcomes(program, check(program), check(reference));

describe.each([
  ['current', fastPageFault],
  ['merged', fastPageFault2012],
])('The fast path %s', (_, fast) => {
  it('adds nothing that a migration could see', () => {
    expect(added(migrated(fast), migrated())).toEqual([]);
  });

  it('adds nothing that a merge could see', () => {
    expect(added(merged(fast), merged())).toEqual([]);
  });
});

describe('What refines nothing', () => {
  it('is the mark before the exchange: a page that differs from its copy with a clean log', () => {
    expect(added(migrated(sketchMarkFirst), migrated())).toContain('[1,{"0":7},false]');
  });

  it('is a notifier that clears W only: the merged page has changed', () => {
    expect(added(merged(fastPageFault, writeProtectHostPage2012), merged())).not.toEqual([]);
  });
});
