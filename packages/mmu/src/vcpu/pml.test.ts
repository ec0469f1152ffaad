import { describe, expect, it } from 'vitest';
import {
  type Bench,
  flagsOf,
  gfnOf,
  gpaOf,
  LOGGED,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { pauseVcpus, resumeVcpus } from '../vm/pause.ts';
import { setMemslotFlags } from '../vm/set-memory-region.ts';
import { REQ_EXIT } from '../vm/vcpu-mode.ts';
import { write32 } from './access.ts';
import { logToPml, PML_LOG_NR_ENTRIES } from './pml.ts';
import { enterGuest, leaveGuest } from './run.ts';

const GFN = 3;
const harvested = (): Bench => {
  const bench = makeBenchWithSlot(LOGGED, { pml: true });
  bench.guests[0].write(GFN, 7);
  getDirtyLog(bench.agent, bench.vm, 0);
  return bench;
};
const log = (bench: Bench) => pagesIn(bench, bench.vm.at.dirty_bitmap);
/** vCPU 0 stores and stays in the guest. */
const storeInside = ({ guests: [{ mem, vcpu }], vm }: Bench) => {
  enterGuest(mem, vm, vcpu);
  write32(mem, vm, vcpu, gpaOf(GFN), 8);
};

describe('a harvest with PML', () => {
  it('clears D and leaves W', () => {
    expect(flagsOf(harvested(), GFN)).toBe('e27');
  });

  it('costs the next store no fault', () => {
    const bench = harvested();
    const before = bench.guests[0].vcpu.stat.pf_taken;
    bench.guests[0].write(GFN, 8);
    expect(bench.guests[0].vcpu.stat.pf_taken).toBe(before);
    expect(flagsOf(bench, GFN)).toBe('e67');
  });

  it('finds each page again that was stored to since', () => {
    const bench = harvested();
    bench.guests[0].write(GFN, 8);
    expect([1, 0]).toEqual([1, 2].map(() => getDirtyLog(bench.agent, bench.vm, 0)));
  });

  it('asks every vCPU to leave the guest before it takes the log', () => {
    const bench = harvested();
    bench.guests[0].write(GFN, 8);
    const operations = operationsOf(bench.agent, (mem) => getDirtyLog(mem, bench.vm, 0));
    const asked = operations.findIndex(
      ({ verb, args }) => verb === 'or32' && args.includes(REQ_EXIT),
    );
    const took = operations.findIndex(({ verb }) => verb === 'and32');
    expect(asked).toBeGreaterThan(-1);
    expect(asked).toBeLessThan(took);
  });
});

describe('the buffer of a vCPU', () => {
  it('holds what hardware logged while the vCPU is in the guest', () => {
    const bench = harvested();
    storeInside(bench);
    expect([bench.guests[0].vcpu.pml.gfns, log(bench)]).toEqual([[GFN], []]);
  });

  it('is in the log when the vCPU is seen outside', () => {
    const bench = harvested();
    storeInside(bench);
    const [{ mem, vcpu }] = bench.guests;
    leaveGuest(mem, vcpu);
    expect([vcpu.pml.gfns, log(bench)]).toEqual([[], [GFN]]);
  });

  it('is in the log when the vCPU has looked at its requests', () => {
    const bench = harvested();
    storeInside(bench);
    const [{ mem, vcpu }] = bench.guests;
    enterGuest(mem, bench.vm, vcpu);
    expect(log(bench)).toEqual([GFN]);
  });

  it('is emptied when it is full, before the next D is set', () => {
    const bench = harvested();
    const [{ mem, vcpu }] = bench.guests;
    for (let n = 0; n < PML_LOG_NR_ENTRIES; n++) logToPml(vcpu.pml, bench.vm, gfnOf(5));
    enterGuest(mem, bench.vm, vcpu);
    for (let n = 0; n < PML_LOG_NR_ENTRIES; n++) logToPml(vcpu.pml, bench.vm, gfnOf(6));
    write32(mem, bench.vm, vcpu, gpaOf(GFN), 8);
    expect([vcpu.pml.gfns, log(bench)]).toEqual([[GFN], [5, 6]]);
  });
});

describe('switching the log on with PML', () => {
  it('clears D, so that every store from then on is logged', () => {
    const bench = makeBenchWithSlot(0, { pml: true });
    bench.guests[0].write(GFN, 7);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(flagsOf(bench, GFN)).toBe('e27');
    bench.guests[0].write(GFN, 8);
    pauseVcpus(bench.agent, bench.vm);
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(1);
    resumeVcpus(bench.agent, bench.vm);
  });

  it('cannot be without A and D bits', () => {
    expect(() => makeBenchWithSlot(0, { pml: true, adBits: false })).toThrow(/expected adBits/);
  });
});
