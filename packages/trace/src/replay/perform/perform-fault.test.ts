import { describe, expect, it } from 'vitest';
import {
  emulates,
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
  withdrawn,
  zapped,
} from '../../../test/excerpt.ts';
import type { TraceBody } from '../../trace-event.ts';
import type { Verdicts } from '../verdicts.ts';

const PFN = 0x12345;
const DEVICE = 600;
const FIRST_GEN = 2;
const firstPage = mapped(0, 0, PFN, LINKS);
const results = ({ unexplained }: Verdicts) =>
  unexplained.filter(({ kind }) => kind === 'fault result');

describe('a fault on a reserved bit of which nothing is told', () => {
  const reserved = (vcpu: number, ...bodies: TraceBody[]): Telling => [
    vcpuTask(vcpu),
    pageFault(vcpu, DEVICE, 0x1_0000_000e),
    ...bodies,
    enters(vcpu),
  ];
  const marked = [...slotCreated(), firstPage, marksMmio(0, DEVICE, FIRST_GEN, 'links')];

  it('is emulated where KVM emulated: its vCPU remembers the page', () => {
    const verdicts = replayOf(...marked, reserved(0, emulates));
    expect(verdicts.unexplained).toEqual([]);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 3 });
  });

  it('differs where KVM did not, though its vCPU remembers the page', () => {
    expect(results(replayOf(...marked, reserved(0)))).toMatchObject([
      { expected: 'retry', got: 'emulate' },
    ]);
  });

  it('is sent back when the MMIO spte went with its root', () => {
    expect(results(replayOf(...marked, ...slotDeleted(), reserved(1)))).toEqual([]);
  });

  it('differs where KVM emulated then, and the vCPU remembers nothing', () => {
    const verdicts = replayOf(...marked, ...slotDeleted(), reserved(1, emulates));
    expect(results(verdicts)).toMatchObject([{ expected: 'emulate', got: 'retry' }]);
  });
});

describe('a fault that the host refuses', () => {
  const refuses: TraceBody = { event: 'kvm_userspace_exit', reason: 'error', code: 14 };
  const refused: Telling = [vcpuTask(1), pageFault(1, 0), refuses];

  it('ends the withdrawal of its page: it has asked the host', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, withdrawn(0, zapped(0, PFN)), refused);
    expect(verdicts.unexplained).toEqual([]);
    expect(verdicts.inferences).toEqual({ 'invalidation-ended': 1 });
  });
});
