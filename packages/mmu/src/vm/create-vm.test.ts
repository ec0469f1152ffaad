import { createAlone } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { makeBench } from '../../test/fixture.ts';
import { seamSize, sharedWords } from '../memory-map.ts';
import { initVm, type VmOptions, vmConfig } from './create-vm.ts';

const TWO: VmOptions = { vcpus: 2, hostPages: 64 };

describe('the options of a VM', () => {
  it('have defaults that a VM can be made of', () => {
    const config = vmConfig(TWO);
    const mem = createAlone(seamSize(config));
    expect(initVm(mem, config, mem.memory.map).vcpus).toBe(2);
  });

  it('default to what KVM does today', () => {
    expect(vmConfig(TWO)).toMatchObject({
      faultPath: 'current',
      faultLock: 'shared',
      geometry: { levels: 4, indexBits: 9 },
      pageWords: 1024,
    });
  });

  it.each([
    [{ vcpus: 0 }, 'expected vcpus between 1 and 64, got 0'],
    [{ agents: 65 }, 'expected agents between 1 and 64, got 65'],
    [{ hostPages: 2 ** 22 + 1 }, 'expected hostPages between 1 and 4194304, got 4194305'],
    [{ hostPages: 1.5 }, 'expected hostPages between 1 and 4194304, got 1.5'],
    [{ pageFrames: 0 }, 'expected pageFrames between 1 and 4194304, got 0'],
    [{ tableFrames: 1 }, 'expected tableFrames between 2 and 1048576, got 1'],
    [{ dirtyClients: 33 }, 'expected dirtyClients between 0 and 32, got 33'],
    [{ pollInterval: -1 }, 'expected pollInterval between 0 and 1048576, got -1'],
    [
      { geometry: { levels: 5, indexBits: 9 } },
      'expected (levels - 1) * indexBits below 32: no memslot lies beyond gfn 2^32',
    ],
  ] as [Partial<VmOptions>, string][])('%o are refused in words', (options, message) => {
    expect(() => vmConfig({ ...TWO, ...options })).toThrow(new RangeError(message));
  });

  it('are refused when guest memory has more words than 32 bits can count', () => {
    expect(() => vmConfig({ ...TWO, pageFrames: 2 ** 22 + 1 })).toThrow(
      'expected pageFrames between 1 and 4194304, got 4194305',
    );
  });
});

describe('the map of the shared words', () => {
  const { vm, agent } = makeBench();
  const sizes = sharedWords(vm);
  const areas = Object.entries(vm.at).map(([name, from]) => ({
    name,
    from,
    to: from + sizes[name as keyof typeof sizes],
  }));

  it('gives each a cache line of its own', () => {
    expect(areas.filter(({ from }) => from % 64 !== 0)).toEqual([]);
  });

  it('lets none overlap the next', () => {
    const overlaps = areas.filter(
      ({ to }, n) => to > (areas[n + 1]?.from ?? agent.memory.map.framesAt),
    );
    expect(overlaps).toEqual([]);
  });

  it('begins with nothing locked, nothing mapped and nothing dirty', () => {
    const zero = areas.filter(({ name }) => name !== 'free_pages');
    expect(zero.filter(({ from }) => agent.load32(from) !== 0)).toEqual([]);
  });
});
