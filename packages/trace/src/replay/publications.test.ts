import { describe, expect, it } from 'vitest';
import {
  enters,
  LINKS,
  mapped,
  marksMmio,
  pageFault,
  replayOf,
  slotCreated,
  slotDeleted,
  type Telling,
  vcpuTask,
} from '../../test/excerpt.ts';

const PFN = 0x12345;
/** KVM counts once per address space: after a creation and a deletion, which publishes twice. */
const GEN = 6;
const deleted = [...slotCreated(), mapped(0, 0, PFN, LINKS), ...slotDeleted()];
const [begin, end] = slotCreated() as [Telling, Telling];

describe('a slot that is created beside a fault on a page of it', () => {
  it('comes after a fault that finds no memory there', () => {
    const device = marksMmio(1, 1, GEN, 'finds the table');
    const { tallies, inferences } = replayOf(...deleted, begin, device, end);
    expect(tallies.mark_mmio_spte).toMatchObject({ agreed: 1, unexplained: 0 });
    expect(inferences).toEqual({ 'generation-told': 1 });
  });

  it('comes at once when a fault finds memory there', () => {
    const { tallies, inferences } = replayOf(...deleted, begin, mapped(1, 1, PFN + 1), end);
    expect(tallies['fault result']).toMatchObject({ agreed: 2, unexplained: 0 });
    expect(inferences).toEqual({});
  });

  it('is not waited for by a fault of another generation: that differs', () => {
    const device = marksMmio(1, 1, GEN + 8, 'finds the table');
    const { tallies } = replayOf(...deleted, begin, device, end);
    expect(tallies.mark_mmio_spte).toMatchObject({ agreed: 0, unexplained: 1 });
  });
});

describe('a slot that is deleted beside a fault on a page of it', () => {
  const [first, zaps, last] = slotDeleted() as [Telling, Telling, Telling];
  const nothing: Telling = [vcpuTask(1), pageFault(1, 1), enters(1)];
  const mappedPage = [...slotCreated(), mapped(0, 0, PFN, LINKS)];

  it('goes after a fault that comes to nothing: that has found it invalid', () => {
    const verdicts = replayOf(...mappedPage, first, zaps, nothing, last);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 2, unexplained: 0 });
    expect([verdicts.inferences, verdicts.rules]).toEqual([{ 'generation-told': 1 }, {}]);
  });

  it('is gone for one that comes after another has found no memory there', () => {
    const device = marksMmio(0, 2, GEN, 'finds the table');
    const { rules } = replayOf(...mappedPage, first, zaps, device, nothing, last);
    expect(rules).toEqual({ 'retried-unseen': 1 });
  });
});
