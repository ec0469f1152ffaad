import { describe, expect, it } from 'vitest';
import {
  enters,
  leaf,
  pageFault,
  replayOf,
  requested,
  set,
  slotCreated,
  slotDeleted,
  type Telling,
  vcpuTask,
  withdrawn,
} from '../../../test/excerpt.ts';
import type { TraceBody } from '../../trace-event.ts';
import type { Verdicts } from '../verdicts.ts';

const PFN = 0x12345;
/** In the legacy MMU, which tells of leaves alone. */
const maps = (page: number, ...beside: TraceBody[]): Telling => [
  vcpuTask(0),
  pageFault(0, page),
  requested(page, PFN + page),
  set(page, leaf(PFN + page, 0xe67)),
  ...beside,
  enters(0),
];
const inAdvance = (page: number): TraceBody => set(page, leaf(PFN + page, 0xe47));
const ofLeaves = ({ tallies }: Verdicts) => tallies.kvm_mmu_set_spte;

describe('a neighbour that the legacy MMU maps in advance', () => {
  it('is mapped by this MMU too, where the trace says that the host had it', () => {
    const verdicts = replayOf(...slotCreated(), maps(0, inAdvance(1), inAdvance(2)));
    expect(ofLeaves(verdicts)).toEqual({ agreed: 3, explained: 0, unexplained: 0 });
  });

  it('is so during an ioctl', () => {
    const verdicts = replayOf(...slotCreated(), ...slotDeleted(maps(0, inAdvance(1))));
    expect(ofLeaves(verdicts)).toEqual({ agreed: 2, explained: 0, unexplained: 0 });
  });

  it('is none after one that the host did not have', () => {
    const verdicts = replayOf(...slotCreated(), maps(0, inAdvance(2)));
    expect(verdicts.unexplained).toMatchObject([{ kind: 'kvm_mmu_set_spte', got: 'nothing' }]);
  });

  it.each([
    ['was accessed', set(1, leaf(PFN + 1, 0xe67))],
    ['is far away', inAdvance(9)],
  ])('differs when it %s', (_, told) => {
    const { unexplained } = replayOf(...slotCreated(), maps(0, told));
    expect(unexplained).toMatchObject([{ kind: 'kvm_mmu_set_spte' }]);
  });

  it('differs where the kernel did not map it, and the host has it still', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      maps(9),
      ...slotDeleted(),
      ...slotCreated(),
      maps(8),
    );
    const leaves = verdicts.unexplained.filter(({ kind }) => kind === 'kvm_mmu_set_spte');
    expect(leaves).toMatchObject([{ expected: 'nothing' }]);
  });

  it('is not expected once the host has withdrawn it', () => {
    const verdicts = replayOf(...slotCreated(), maps(9), withdrawn(9), maps(8));
    expect(verdicts.unexplained).toEqual([]);
  });

  it('ends every invalidation: none of them is open where it is mapped', () => {
    const verdicts = replayOf(...slotCreated(), withdrawn(100), maps(0, inAdvance(1)));
    expect(verdicts.inferences).toEqual({ 'invalidation-ended': 1 });
    expect(verdicts.unexplained).toEqual([]);
  });
});
