// An access that ends with a throw leaves the vCPU as any exit does: outside the guest, its TLB unused until it enters again.
import { modeAddress } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { type Bench, gpaOf, hvnOf, makeBenchWithSlot } from '../../test/fixture.ts';
import { swapOut } from '../host/missing-pages.ts';
import { pageBase } from '../host/page-frames.ts';
import { protectPages } from '../host/protect-pages.ts';
import { OUTSIDE_GUEST_MODE } from '../vm/vcpu-mode.ts';
import { read32, write32 } from './access.ts';
import { enterGuest } from './run.ts';
import { newVcpu } from './vcpu.ts';

const MAPPED = 1;
const PROTECTED = 9;

function enteredVcpu(bench: Bench) {
  const mem = bench.mems[0] as (typeof bench.mems)[0];
  const vcpu = newVcpu(0);
  enterGuest(mem, bench.vm, vcpu);
  const write = (gfn: number, value: number) => write32(mem, bench.vm, vcpu, gpaOf(gfn), value);
  const read = (gfn: number) => read32(mem, bench.vm, vcpu, gpaOf(gfn));
  const isOutside = () => (mem.load32(modeAddress(0)) & 3) === OUTSIDE_GUEST_MODE;
  return { ...bench, vcpu, write, read, isOutside };
}

/** A vCPU in the guest whose TLB has page 1, which holds 7; its stores to page 9 the host refuses. */
function refused() {
  const bench = makeBenchWithSlot();
  protectPages(bench.agent, bench.vm, hvnOf(PROTECTED), 1);
  const entered = enteredVcpu(bench);
  entered.write(MAPPED, 7);
  return entered;
}

/** Takes page 1 away; what it held. */
function takeMapped({ agent, vm }: Bench): number | undefined {
  let content: number | undefined;
  swapOut(agent, vm, hvnOf(MAPPED), {
    slot: 5,
    save: (pfn) => {
      content = agent.guestLoad(pageBase(vm, pfn));
    },
  });
  return content;
}

const throws = () => {
  throw new Error('refused');
};

describe('a vCPU whose store the host has refused', () => {
  it.each([
    ['no handler', undefined],
    ['a handler that throws', throws],
  ])('uses no old translation afterwards, with %s', (_, handler) => {
    const bench = refused();
    bench.vcpu.memoryFault = handler;
    expect(() => bench.write(PROTECTED, 8)).toThrow();
    expect(takeMapped(bench)).toBe(7);
    // Nobody brings the page here: so says the store that finds it missing.
    expect(() => bench.write(MAPPED, 8)).toThrow('nobody is left');
  });

  it('uses no old translation in its handler', () => {
    const bench = refused();
    bench.vcpu.memoryFault = () => {
      takeMapped(bench);
      bench.read(MAPPED);
    };
    expect(() => bench.write(PROTECTED, 8)).toThrow('nobody is left');
  });
});

describe('a vCPU for which no page table is left', () => {
  it('is outside the guest, so that nobody waits for it', () => {
    const { write, isOutside } = enteredVcpu(makeBenchWithSlot(0, { tableFrames: 2 }));
    expect(() => {
      for (let gfn = 0; gfn < 16; gfn++) write(gfn, 1);
    }).toThrow(RangeError);
    expect(isOutside()).toBe(true);
  });
});
