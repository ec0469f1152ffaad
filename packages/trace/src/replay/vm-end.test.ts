import type { KvmTdpMmuSpteChanged, Spte } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import {
  changed,
  LINKS,
  leaf,
  linked,
  mapped,
  replayOf,
  slotCreated,
  type Telling,
  VMM,
  withdrawn,
} from '../../test/excerpt.ts';
import type { TraceBody } from '../trace-event.ts';

const PFN = 0x12345;
const ZERO: Spte = { low: 0, high: 0 };
const FROZEN: Spte = { low: 0x5a0, high: 0 };
type Change = KvmTdpMmuSpteChanged;

/** As a kernel before 6.10 prints it. */
const withZeros = ([pid, ...bodies]: Telling): Telling => [
  pid,
  ...bodies.map(
    (body): TraceBody =>
      body.event === 'kvm_tdp_mmu_spte_changed' ? { ...body, old_spte: ZERO } : body,
  ),
];
const goes = (level: 2 | 3 | 4, to: Spte): TraceBody => {
  const { new_spte, ...entry } = linked(level) as Change;
  return { ...entry, old_spte: new_spte, new_spte: to };
};

describe('the end of a VM under a kernel before 6.9', () => {
  const end: Telling = [
    VMM,
    goes(3, ZERO),
    goes(2, FROZEN),
    changed(0, leaf(PFN, 0xe67), FROZEN),
    goes(4, ZERO),
  ];
  const begin = [...slotCreated(), withZeros(mapped(0, 0, PFN, LINKS))];

  it('takes a gigabyte at once, and what is below is frozen', () => {
    const { unexplained, tallies } = replayOf(...begin, end);
    expect(unexplained).toEqual([]);
    expect(tallies.kvm_tdp_mmu_spte_changed).toMatchObject({ agreed: 8 });
  });

  it('is told of by the task that withdrew a page of it before', () => {
    const [, ...withdraws] = withdrawn(100);
    const { unexplained } = replayOf(...begin, [VMM, ...withdraws], end);
    expect(unexplained).toEqual([]);
  });

  it('is not expected of a kernel whose empty entries are not 0', () => {
    const { unexplained } = replayOf(...slotCreated(), mapped(0, 0, PFN, LINKS), end);
    expect(unexplained).toContainEqual(
      expect.objectContaining({ kind: 'kvm_tdp_mmu_spte_changed' }),
    );
  });
});
