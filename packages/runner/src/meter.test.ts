import { newVcpu, PFERR_PRESENT_MASK, PFERR_USER_MASK, PFERR_WRITE_MASK } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { Meter, timerCost } from './meter.ts';

const WRITE_PROTECTED = PFERR_PRESENT_MASK | PFERR_WRITE_MASK | PFERR_USER_MASK;
const NOT_PRESENT = PFERR_WRITE_MASK | PFERR_USER_MASK;

function metered() {
  const vcpu = newVcpu(3);
  return { vcpu, meter: new Meter(vcpu) };
}

function fault({ vcpu, meter }: ReturnType<typeof metered>, error_code = WRITE_PROTECTED): void {
  Object.assign(vcpu.fault, { error_code });
  meter.begin();
  vcpu.stat.pf_taken++;
  meter.end();
}

describe('a vCPU that was stopped while it warmed up', () => {
  it('has measured nothing', () => {
    const under = metered();
    under.vcpu.stat.pf_taken = 9;
    const { stat, measuredMs, timedFaults } = under.meter.report();
    expect([stat.pf_taken, measuredMs, timedFaults]).toEqual([0, 0, 0]);
  });

  it('is not told of faults, though each was to be timed', () => {
    const { vcpu, meter } = metered();
    meter.timeFaults(true);
    expect(vcpu.observer).toBeUndefined();
  });
});

describe('a vCPU that measures', () => {
  it('counts from the end of the warm-up on', () => {
    const under = metered();
    under.vcpu.stat.pf_taken = 9;
    under.meter.start();
    fault(under);
    expect(under.meter.report().stat.pf_taken).toBe(1);
  });

  it('counts from the first start only', () => {
    const under = metered();
    under.meter.start();
    fault(under);
    under.meter.start();
    expect(under.meter.report().stat.pf_taken).toBe(1);
  });

  it('records write-protection faults, each by itself', () => {
    const under = metered();
    under.meter.start();
    for (let n = 0; n < 5; n++) fault(under);
    expect(under.meter.report().histogram.count).toBe(5);
  });

  it('has other faults in its stall only', () => {
    const under = metered();
    under.meter.start();
    fault(under, NOT_PRESENT);
    const { histogram, timedFaults } = under.meter.report();
    expect([histogram.count, timedFaults]).toEqual([0, 1]);
  });

  it('says which vCPU it is, and what write the guest found lost', () => {
    expect(metered().meter.report('gone')).toMatchObject({ vcpu: 3, lostWrite: 'gone' });
  });
});

describe('a batch of touches', () => {
  const batch = (faults: number, touches: number, timeFaults = false): number => {
    const { vcpu, meter } = metered();
    meter.start();
    meter.timeFaults(timeFaults);
    meter.beginBatch();
    vcpu.stat.pf_taken += faults;
    meter.endBatch(touches);
    return meter.report().batchFaults;
  };

  it('counts when every other touch faulted', () => {
    expect(batch(5, 10)).toBe(5);
  });

  it('does not when the guest did more of its own work than of faulting', () => {
    expect(batch(4, 10)).toBe(0);
  });

  it('does not when the clock was read in it', () => {
    expect(batch(10, 10, true)).toBe(0);
  });
});

describe('the cost of the clock', () => {
  it('is some nanoseconds', () => {
    expect(timerCost()).toBeGreaterThanOrEqual(0);
  });
});
