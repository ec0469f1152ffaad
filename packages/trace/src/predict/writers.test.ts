import { describe, expect, it } from 'vitest';
import { parseLines } from '../../test/parse-text.ts';
import { Writers } from './writers.ts';

const line = (thread: string, event: string): string =>
  `           ${thread}     [002] .....     8.652615: ${event}`;
const entry = (thread: string, vcpu: number): string =>
  line(thread, `kvm_entry: vcpu ${vcpu}, rip 0x1000000`);
const write = (thread: string): string =>
  line(thread, 'kvm_tdp_mmu_spte_changed: as id 0 gfn 10 level 1 old_spte 0 new_spte 123ab7e67');

function sharesOf(...lines: string[]): number[] {
  const writers = new Writers();
  for (const event of parseLines(...lines).events) {
    writers.add(event);
    if (event.body.event === 'kvm_tdp_mmu_spte_changed') writers.wrote(event);
  }
  return writers.shares();
}

describe('pages that vCPUs make writable', () => {
  it('are shared among the vCPUs whose threads did it', () => {
    const [one, two] = ['vcpu1-178', 'vcpu0-177'];
    expect(
      sharesOf(entry(one, 1), entry(two, 0), write(one), write(two), write(one), write(one)),
    ).toEqual([0.25, 0.75]);
  });

  it('leave a vCPU that wrote none with none', () => {
    expect(sharesOf(entry('a-1', 0), entry('b-2', 1), write('a-1'))).toEqual([1, 0]);
  });
});

describe('pages that nobody knows the vCPU of', () => {
  it('say nothing', () => {
    expect(sharesOf(write('a-1'), entry('a-1', 0))).toEqual([]);
  });
});
