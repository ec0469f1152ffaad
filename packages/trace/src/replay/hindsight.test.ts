import { describe, expect, it } from 'vitest';
import {
  changed,
  enters,
  fixed,
  harvested,
  LINKS,
  leaf,
  logBegins,
  mapped,
  pageFault,
  protects,
  replayOf,
  requested,
  set,
  slotCreated,
  type Telling,
  vcpuTask,
} from '../../test/excerpt.ts';

const PFN = 0x12345;
const WITHOUT_D = 0xe27;
const ONE_PAGE = '0000000000000001';

describe('a page that is written while its log is taken', () => {
  /** Another vCPU replaces the leaf by one without D. */
  const replaced: Telling = [
    vcpuTask(1),
    pageFault(1, 0),
    requested(0, PFN),
    changed(0, leaf(PFN, 0xe67), leaf(PFN, WITHOUT_D)),
    set(0, leaf(PFN, WITHOUT_D)),
    enters(1),
  ];
  const [pid, ...repairs] = fixed(0, 0, PFN);
  const repaired: Telling = [
    pid,
    ...repairs.map((body) =>
      body.event === 'fast_page_fault' ? { ...body, old_spte: leaf(PFN, 0xe25) } : body,
    ),
  ];
  const reads: Telling = [
    vcpuTask(1),
    pageFault(1, 0, 0x1_0000_0004),
    requested(0, PFN),
    set(0, leaf(PFN, WITHOUT_D)),
    enters(1),
  ];
  const begun = [
    ...slotCreated(),
    mapped(0, 0, PFN, LINKS),
    replaced,
    ...logBegins(protects(0, PFN, WITHOUT_D)),
    repaired,
  ];

  it('has no D yet in a fault that comes before the harvest protects it', () => {
    const verdicts = replayOf(...begun, ...harvested(ONE_PAGE, reads, protects(0, PFN)));
    expect(verdicts.unexplained).toEqual([]);
    expect(verdicts.inferences).toEqual({ 'hardware-a-d': 1 });
  });

  it('has it in one that comes afterwards', () => {
    const verdicts = replayOf(...begun, ...harvested(ONE_PAGE, protects(0, PFN), reads));
    expect(verdicts.unexplained).toMatchObject([{ kind: 'kvm_mmu_set_spte' }]);
  });
});
