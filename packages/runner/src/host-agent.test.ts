import { isHostPteEmpty, isHostPtePresent, isHostPteProtected } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { hostPteOf, type OneThread, oneThread } from '../test/fixture.ts';
import { HostAgent } from './host-agent.ts';
import { verify } from './verify.ts';

const PAGES = 16;

/** A thread that acts so often, while page after page is written between; none of it sleeps. */
function worked(turns: number, drops = false): { bench: OneThread; agent: HostAgent } {
  const bench = oneThread(PAGES);
  for (let page = 0; page < PAGES; page++) bench.write(page, page + 1);
  bench.mem.wait = () => 2;
  const agent = new HostAgent(bench.mem, bench.machine, bench.region, drops);
  for (let turn = 0; turn < turns; turn++) {
    agent.run();
    const page = turn % PAGES;
    const pte = hostPteOf(bench, page);
    const isFree = isHostPtePresent(pte) || isHostPteEmpty(pte);
    if (isFree && !isHostPteProtected(pte)) bench.write(page, turn);
  }
  return { bench, agent };
}

describe('a host that does everything to its pages', () => {
  it('loses nothing', () => {
    const { bench, agent } = worked(600);
    agent.close();
    expect(verify(bench.machine)).toMatchObject({ wrongWords: 0, wrongSptes: 0 });
  });

  it('loses nothing but what it drops', () => {
    const { bench, agent } = worked(600, true);
    agent.close();
    expect(verify(bench.machine)).toMatchObject({ wrongWords: 0, wrongSptes: 0 });
  });

  it('does each of them', () => {
    const { agent } = worked(600, true);
    agent.close();
    const { changed, ...done } = agent.stat;
    expect([changed, Object.values(done).every((count) => count > 0)]).toEqual([0, true]);
  });

  it('leaves nothing missing and nothing read-only', () => {
    const { bench, agent } = worked(600);
    agent.close();
    const ptes = Array.from({ length: PAGES }, (_, page) => hostPteOf(bench, page));
    expect(ptes.every((pte) => isHostPtePresent(pte) && !isHostPteProtected(pte))).toBe(true);
  });

  it('gives every frame back that it kept', () => {
    const { bench, agent } = worked(600);
    agent.close();
    const { mem, vm } = bench;
    expect(mem.load32(vm.at.free_pages)).toBe(vm.pageFrames - PAGES);
  });
});
