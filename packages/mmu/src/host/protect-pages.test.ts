import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  faultAndLeave,
  flagsOf,
  hostPteOf,
  hvnOf,
  makeBenchWithSlot,
} from '../../test/fixture.ts';
import { RET_PF_EFAULT } from '../fault/ret-pf.ts';
import { dropPages } from './drop-pages.ts';
import { faultInHostPage, HOST_FAULT } from './fault-in.ts';
import { hostPtep, isHostPteWritable } from './host-pte.ts';
import { movePage } from './move-page.ts';
import { pageRefcount } from './page-frames.ts';
import { protectPages, unprotectPages } from './protect-pages.ts';

const GFN = 3;

function protectedBench(): Bench {
  const bench = makeBenchWithSlot();
  bench.guests[0].write(GFN, 7);
  protectPages(bench.agent, bench.vm, hvnOf(GFN), 2);
  return bench;
}
const unprotect = ({ agent, vm }: Bench): void => unprotectPages(agent, vm, hvnOf(GFN), 2);

describe('a page that the VMM has read-only', () => {
  it('is mapped for the guest no more', () => {
    expect(flagsOf(protectedBench(), GFN)).toBe('0');
  });

  it('can be read', () => {
    expect(protectedBench().guests[1].read(GFN)).toBe(7);
  });

  it('can be read though it was never touched', () => {
    expect(protectedBench().guests[1].read(GFN + 1)).toBe(0);
  });

  it.each([GFN, GFN + 1])('is not had for writing (page %i)', (hvn) => {
    const { agent, vm } = protectedBench();
    expect(faultInHostPage(agent, vm, hvnOf(hvn), true)).toBe(HOST_FAULT);
  });

  it('keeps its references when it is refused', () => {
    const { agent, vm } = protectedBench();
    faultInHostPage(agent, vm, hvnOf(GFN), true);
    expect(pageRefcount(agent, vm, (agent.load32(hostPtep(vm, hvnOf(GFN))) >>> 8) as never)).toBe(
      1,
    );
  });

  it('answers a store to the VMM', () => {
    expect(faultAndLeave(protectedBench(), GFN)).toEqual({ ret: RET_PF_EFAULT, fast: false });
  });

  it('throws at a store when no VMM listens', () => {
    const [guest] = protectedBench().guests;
    expect(() => guest.write(GFN, 8)).toThrow('got a store to gpa 0x3000 of a protected page');
  });

  it('lets the store go on when the VMM has given the right back', () => {
    const bench = protectedBench();
    const [{ vcpu }] = bench.guests;
    const seen: number[] = [];
    vcpu.memoryFault = (gpa) => {
      seen.push(gpa);
      unprotect(bench);
    };
    bench.guests[0].write(GFN, 8, 1);
    expect([seen, bench.guests[1].read(GFN, 1)]).toEqual([[GFN * 4096 + 4], 8]);
  });

  it('counts the exits to the VMM', () => {
    const bench = protectedBench();
    const [{ vcpu }] = bench.guests;
    vcpu.memoryFault = () => unprotect(bench);
    bench.guests[0].write(GFN, 8);
    expect(vcpu.stat.pf_efault).toBe(1);
  });

  it.each([
    ['moved', movePage],
    ['dropped', (...[mem, vm, hvn]: Parameters<typeof movePage>) => dropPages(mem, vm, hvn, 1)],
  ] as const)('stays so when the page is %s', (_, act) => {
    const bench = protectedBench();
    act(bench.agent, bench.vm, hvnOf(GFN));
    expect(faultInHostPage(bench.agent, bench.vm, hvnOf(GFN), true)).toBe(HOST_FAULT);
  });

  it('loses W also when it was faulted in while the right was being taken', () => {
    const bench = makeBenchWithSlot();
    const { agent, vm } = bench;
    const mem = before(agent, { verb: 'unlock', address: vm.at.host_page_table_lock }, () => {
      agent.unlock(vm.at.host_page_table_lock);
      bench.guests[0].read(GFN);
      agent.lock(vm.at.host_page_table_lock);
    });
    protectPages(mem, vm, hvnOf(GFN), 1);
    expect(isHostPteWritable(hostPteOf(bench, GFN))).toBe(false);
  });
});
