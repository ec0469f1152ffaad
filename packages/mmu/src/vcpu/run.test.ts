import { modeAddress, requestsAddress } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { type Bench, before, gpaOf, makeBenchWithSlot, operationsOf } from '../../test/fixture.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { pauseVcpus, resumeVcpus } from '../vm/pause.ts';
import { IN_GUEST_MODE, OUTSIDE_GUEST_MODE } from '../vm/vcpu-mode.ts';
import { read32 } from './access.ts';
import { enterGuest, leaveGuest, poll } from './run.ts';
import { newVcpu } from './vcpu.ts';

const flush = ({ agent, vm }: Bench): void => flushRemoteTlbs(agent, vm);
const stateOf = ({ agent }: Bench, vcpu: number): number => agent.load32(modeAddress(vcpu)) & 3;
const pending = ({ agent }: Bench, vcpu: number): number => agent.load32(requestsAddress(vcpu));

function withVcpu() {
  const bench = makeBenchWithSlot();
  const mem = bench.mems[0] as (typeof bench.mems)[0];
  const vcpu = newVcpu(0);
  for (const id of [0, 1]) bench.agent.store32(requestsAddress(id), 0); // the slot's creation has asked for something
  return { bench, vm: bench.vm, mem, vcpu };
}

describe('a vCPU that enters the guest', () => {
  it('says so', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    expect(stateOf(bench, 0)).toBe(IN_GUEST_MODE);
  });

  it('says so before it looks at its requests', () => {
    const { vm, mem, vcpu } = withVcpu();
    const operations = operationsOf(mem, (own) => enterGuest(own, vm, vcpu));
    expect(operations.map(({ verb, address }) => [verb, address])).toEqual([
      ['store32', modeAddress(0)],
      ['load32', requestsAddress(0)],
      ['load32', vm.at.mmu_valid_gen], // its first root
    ]);
  });

  it('serves a flush that was asked for while it was outside', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    flush(bench);
    enterGuest(mem, vm, vcpu);
    expect([vcpu.stat.tlb_flush, pending(bench, 0)]).toEqual([1, 0]);
  });

  it('says so to who keeps copies of its translations', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    let told = 0;
    vcpu.onFlush = () => told++;
    flush(bench);
    enterGuest(mem, vm, vcpu);
    expect(told).toBe(1);
  });

  it('serves a request that comes between its mode and its look', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    const look = { verb: 'load32', address: requestsAddress(0) } as const;
    enterGuest(
      before(mem, look, () => bench.agent.or32(requestsAddress(0), 2)),
      vm,
      vcpu,
    );
    expect(vcpu.stat.tlb_flush).toBe(1);
  });

  it('wakes whoever waits for its mode to change, when it was asked for something', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    flush(bench);
    const operations = operationsOf(mem, (own) => enterGuest(own, vm, vcpu));
    const notified = operations.filter(({ verb }) => verb === 'notify');
    expect(notified.map(({ address }) => address)).toContain(modeAddress(0));
  });

  it('never shows the same mode word twice', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    const words = Array.from({ length: 8 }, (_, n) => {
      if (n % 2 === 0) enterGuest(mem, vm, vcpu);
      else leaveGuest(mem, vcpu);
      return bench.agent.load32(modeAddress(0));
    });
    expect(new Set(words).size).toBe(8);
  });
});

describe('a vCPU that leaves the guest', () => {
  it('is waited for by nobody', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    leaveGuest(mem, vcpu);
    flush(bench);
    expect(stateOf(bench, 0)).toBe(OUTSIDE_GUEST_MODE);
  });

  it('serves nothing before it enters again', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    leaveGuest(mem, vcpu);
    flush(bench);
    expect([vcpu.stat.tlb_flush, pending(bench, 0)]).toEqual([0, 2]);
  });

  it('enters again by itself with its next access, which serves what was asked for', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    leaveGuest(mem, vcpu);
    flush(bench);
    read32(mem, vm, vcpu, gpaOf(3));
    expect([vcpu.stat.tlb_flush, stateOf(bench, 0)]).toEqual([1, IN_GUEST_MODE]);
  });
});

describe('a vCPU in the guest', () => {
  it('is waited for by whoever flushes', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    expect(() => flush(bench)).toThrow('nobody is left');
  });

  it('is waited for no longer once it has taken the request', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    const wait = { verb: 'load32', address: modeAddress(0) } as const;
    flushRemoteTlbs(
      before(bench.agent, wait, () => poll(mem, vm, vcpu)),
      vm,
    );
    expect([vcpu.stat.tlb_flush, stateOf(bench, 0)]).toEqual([1, IN_GUEST_MODE]);
  });

  it('is waited for by name of its mode word: a poll in the middle of the wait ends it', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    const wait = { verb: 'waitWhile', address: modeAddress(0) } as const;
    flushRemoteTlbs(
      before(bench.agent, wait, () => poll(mem, vm, vcpu)),
      vm,
    );
    expect(vcpu.stat.tlb_flush).toBe(1);
  });

  it('does nothing in a poll when nobody asks', () => {
    const { vm, mem, vcpu } = withVcpu();
    enterGuest(mem, vm, vcpu);
    const operations = operationsOf(mem, (own) => poll(own, vm, vcpu));
    expect(operations.map(({ verb }) => verb)).toEqual(['load32']);
  });

  it('serves a request within as many accesses as the VM says', () => {
    const bench = makeBenchWithSlot(0, { pollInterval: 4 });
    const mem = bench.mems[0] as (typeof bench.mems)[0];
    const vcpu = newVcpu(0);
    enterGuest(mem, bench.vm, vcpu);
    read32(mem, bench.vm, vcpu, gpaOf(3));
    bench.agent.or32(requestsAddress(0), 2);
    for (let access = 0; access < 5; access++) read32(mem, bench.vm, vcpu, gpaOf(3));
    expect(vcpu.stat.tlb_flush).toBe(1);
  });
});

describe('a flush', () => {
  it('asks every vCPU before it waits for one', () => {
    const bench = makeBenchWithSlot();
    const operations = operationsOf(bench.agent, (mem) => flushRemoteTlbs(mem, bench.vm));
    expect(operations.map(({ verb }) => verb)).toEqual(['or32', 'or32', 'load32', 'load32']);
  });

  it('by a vCPU asks that vCPU too, and does not wait for it', () => {
    const { bench, mem } = withVcpu();
    flushRemoteTlbs(mem, bench.vm);
    expect([pending(bench, 0), pending(bench, 1)]).toEqual([2, 2]);
  });
});

describe('pausing the vCPUs', () => {
  it('keeps one that enters outside until they are resumed', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    pauseVcpus(bench.agent, vm);
    let state = -1;
    const wait = { verb: 'waitWhile', address: vm.at.vcpus_paused } as const;
    enterGuest(
      before(mem, wait, () => {
        state = stateOf(bench, 0);
        resumeVcpus(bench.agent, vm);
      }),
      vm,
      vcpu,
    );
    expect([state, stateOf(bench, 0)]).toEqual([OUTSIDE_GUEST_MODE, IN_GUEST_MODE]);
  });

  it('is waited for by a vCPU that nobody resumes', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    pauseVcpus(bench.agent, vm);
    expect(() => enterGuest(mem, vm, vcpu)).toThrow('nobody is left');
  });

  it('and resuming wakes those that wait', () => {
    const { bench, vm } = withVcpu();
    const operations = operationsOf(bench.agent, (mem) => resumeVcpus(mem, vm));
    expect(operations.map(({ verb, address }) => [verb, address])).toEqual([
      ['store32', vm.at.vcpus_paused],
      ['notify', vm.at.vcpus_paused],
    ]);
  });

  it('and resuming before one enters lets it pass', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    pauseVcpus(bench.agent, vm);
    resumeVcpus(bench.agent, vm);
    enterGuest(mem, vm, vcpu);
    expect(stateOf(bench, 0)).toBe(IN_GUEST_MODE);
  });

  it('serves a flush that came with it', () => {
    const { bench, vm, mem, vcpu } = withVcpu();
    pauseVcpus(bench.agent, vm);
    flush(bench);
    resumeVcpus(bench.agent, vm);
    enterGuest(mem, vm, vcpu);
    expect(vcpu.stat.tlb_flush).toBe(1);
  });
});
