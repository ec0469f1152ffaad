import { check, type Program } from '@faultline/checker';
import { hostPtePfn, isHostPtePresent } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { contentOf, isInGuest, isMarked, pageTableLaws } from './properties.ts';
import { type Race, race } from './setting.ts';
import { gfn0, gfn1, guestWrite, harvestAll, hostPte, hvn0, hvn1, touch } from './small-vm.ts';

const twoStores: Race = {
  name: 'two stores',
  vcpus: [guestWrite(gfn0, 1), guestWrite(gfn1, 2)],
  always: pageTableLaws,
  finally: {
    'both stores arrive': (mem, vm) =>
      contentOf(mem, vm, hvn0) === 1 && contentOf(mem, vm, hvn1) === 2,
  },
};
const namesOf = ({ words = [] }: Program): string[] => words.map(({ name }) => name);

describe('a small VM', () => {
  it('has its vCPUs first, then its agents', () => {
    const { threads } = race({ ...twoStores, agents: { ksmd: () => {}, migration: () => {} } });
    expect(Object.keys(threads)).toEqual(['vcpu0', 'vcpu1', 'ksmd', 'migration']);
  });

  it('runs the stores of its vCPUs in any order', () => {
    const setup: Race['setup'] = (mem, vm) => {
      touch(mem, vm, gfn0);
      touch(mem, vm, gfn1);
      harvestAll(mem, vm);
    };
    expect(check(race({ ...twoStores, setup }))).toMatchObject({ verdict: 'holds' });
  });

  it('may have a page table of two levels', () => {
    const program = race({ ...twoStores, vm: { geometry: { levels: 2, indexBits: 1 } } });
    expect(check(program, { search: 'random', budget: { executions: 50 } }).violation).toBe(
      undefined,
    );
    expect(namesOf(program)).toContain('root[0]');
  });

  it('hands out the frames that its host has, in their order', () => {
    const program = race({
      ...twoStores,
      pfns: [5, 2 ** 20],
      vm: { pageFrames: 2 ** 20 + 1 },
      setup: (mem, vm) => touch(mem, vm, gfn0),
      vcpus: [{ outside: () => {} }],
      finally: { 'the first is in use': (mem, vm) => hostPtePfn(hostPte(mem, vm, hvn0)) === 5 },
    });
    expect(check(program)).toMatchObject({ verdict: 'holds' });
  });
});

describe('the beginning of a race', () => {
  const begins = race({
    ...twoStores,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0);
      harvestAll(mem, vm);
    },
    vcpus: [{ outside: () => {} }],
    finally: {
      'the page is there': (mem, vm) => isHostPtePresent(hostPte(mem, vm, hvn0)),
      'and nowhere marked': (mem, vm) => !isMarked(mem, vm, hvn0),
      'nobody is in the guest': (mem) => !isInGuest(mem, 0),
    },
  });

  it('is what setup leaves: a page that was touched and harvested, and nobody in the guest', () => {
    expect(check(begins)).toMatchObject({ verdict: 'holds', states: 1 });
  });
});
