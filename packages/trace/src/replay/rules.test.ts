import { describe, expect, it } from 'vitest';
import {
  asksForNested,
  changed,
  checksMmio,
  enters,
  entersNested,
  fixed,
  harvested,
  LINKS,
  leaf,
  leavesNested,
  linked,
  logBegins,
  logEnds,
  mapped,
  marksMmio,
  pageFault,
  protects,
  replayOf,
  requested,
  set,
  shadowed,
  slotCreated,
  slotDeleted,
  type Telling,
  vcpuTask,
  withdrawn,
  zapped,
} from '../../test/excerpt.ts';
import type { TraceBody } from '../trace-event.ts';
import type { Verdicts } from './verdicts.ts';

const PFN = 0x12345;
const NONE = { low: 0, high: 1 << 31 };
const firstPage = mapped(0, 0, PFN, LINKS);
const outcome = ({ rules, inferences, unexplained }: Verdicts) => ({
  rules,
  inferences,
  unexplained: unexplained.length,
});
const clean = { rules: {}, inferences: {}, unexplained: 0 };

describe('an excerpt that needs no rule', () => {
  it('agrees in all that it tells', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, mapped(1, 1, PFN + 1));
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 2 });
  });

  it('differs where another word is told', () => {
    const [pid, ...bodies] = firstPage;
    const told = bodies.map((body) =>
      body.event === 'kvm_mmu_set_spte' ? set(0, leaf(PFN, 0xe65)) : body,
    );
    expect(replayOf(...slotCreated(), [pid, ...told]).unexplained).toMatchObject([
      { kind: 'kvm_mmu_set_spte' },
    ]);
  });
});

describe('kept-leaf', () => {
  const second = (pfn: number, flags: number): [number, ...TraceBody[]] => [
    vcpuTask(1),
    pageFault(1, 0),
    requested(0, pfn),
    changed(0, leaf(PFN, 0xe67), leaf(pfn, flags)),
    set(0, leaf(pfn, flags)),
    enters(1),
  ];

  it('explains a second fault that replaces a leaf by the same without D', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, second(PFN, 0xe27));
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'kept-leaf': 3 } });
  });

  it('does not explain one that takes a right away', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, second(PFN, 0x825));
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).not.toEqual([]);
  });

  it('does not explain one that maps another page', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, second(PFN + 7, 0xe67));
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).not.toEqual([]);
  });
});

describe('lost-exchange', () => {
  it('explains a fault that was about to map and tells no more', () => {
    const lost: [number, ...TraceBody[]] = [
      vcpuTask(1),
      pageFault(1, 1),
      requested(1, PFN + 1),
      enters(1),
    ];
    const verdicts = replayOf(...slotCreated(), firstPage, lost);
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'lost-exchange': 2 } });
  });

  it('does not explain one that tells of a leaf which nobody set', () => {
    const claims: [number, ...TraceBody[]] = [
      vcpuTask(1),
      pageFault(1, 1),
      requested(1, PFN + 1),
      set(1, leaf(PFN + 1, 0xe67)),
      enters(1),
    ];
    const verdicts = replayOf(...slotCreated(), firstPage, claims);
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).not.toEqual([]);
  });
});

describe('concurrent-tables', () => {
  const rest = (vcpu: number, page: number): TraceBody[] => [
    changed(page, NONE, leaf(PFN + page, 0xe67)),
    set(page, leaf(PFN + page, 0xe67)),
    enters(vcpu),
  ];

  it('explains a table that the trace tells of in another fault', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      [vcpuTask(0), pageFault(0, 0), requested(0, PFN), linked(4)],
      [vcpuTask(1), pageFault(1, 1), requested(1, PFN + 1), linked(3), linked(2), ...rest(1, 1)],
      [vcpuTask(0), ...rest(0, 0)],
    );
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'concurrent-tables': 1 } });
  });

  it('does not explain a table that nobody tells of', () => {
    const verdicts = replayOf(...slotCreated(), mapped(0, 0, PFN, [linked(4), linked(3)]));
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).toMatchObject([{ expected: 'nothing' }]);
  });
});

describe('retried-unseen', () => {
  const nothing: [number, ...TraceBody[]] = [vcpuTask(1), pageFault(1, 0), enters(1)];

  it('explains a fault that came to nothing for no reason that is told', () => {
    expect(outcome(replayOf(...slotCreated(), nothing))).toEqual({
      ...clean,
      rules: { 'retried-unseen': 1 },
    });
  });

  it('is not needed while the page is being withdrawn: that fault has to be sent back', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, withdrawn(0, zapped(0, PFN)), nothing);
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 2 });
  });
});

describe('withdrawn-meanwhile', () => {
  const begins: Telling = [vcpuTask(1), pageFault(1, 1)];
  const ends: Telling = [vcpuTask(1), enters(1)];
  const other = withdrawn(0, zapped(0, PFN));
  /** Its task goes on: what it withdrew before has been withdrawn. */
  const goesOn = withdrawn(5);
  const explained = { ...clean, rules: { 'retried-unseen': 1 } };

  it('sends a fault back when another page was withdrawn before it has the lock', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, begins, other, goesOn, ends);
    expect(outcome(verdicts)).toEqual({ ...clean, inferences: { 'withdrawn-meanwhile': 1 } });
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 2 });
  });

  it('is no reason where that had ended before the fault began', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, other, goesOn, begins, ends);
    expect(outcome(verdicts)).toEqual(explained);
  });

  it('is no reason where that has not ended', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, begins, other, ends);
    expect(outcome(verdicts)).toEqual(explained);
  });

  it('is not needed while its own page is being withdrawn, though others are still being zapped', () => {
    const [task, event] = withdrawn(0) as [
      number,
      Extract<TraceBody, { event: 'kvm_unmap_hva_range' }>,
    ];
    const both = { ...event, end: (event.end + 4096) as typeof event.end };
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      mapped(0, 1, PFN + 1),
      [task, both, zapped(0, PFN)],
      nothingOf(0),
      [task, zapped(1, PFN + 1)],
    );
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 3 });
  });
});

const nothingOf = (page: number): Telling => [vcpuTask(1), pageFault(1, page), enters(1)];

describe('invalidation-ended', () => {
  it('ends an invalidation when a page that it kept from being mapped is mapped', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      withdrawn(0, zapped(0, PFN)),
      mapped(1, 0, PFN + 1),
    );
    expect(outcome(verdicts)).toEqual({ ...clean, inferences: { 'invalidation-ended': 1 } });
  });

  it('does not end it when another page is mapped: the first is still withheld', () => {
    const nothing: Telling = [vcpuTask(0), pageFault(0, 0), enters(0)];
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      withdrawn(0, zapped(0, PFN)),
      mapped(1, 1, PFN + 1),
      nothing,
    );
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 3 });
  });
});

const ONE_PAGE = '0000000000000001';
const NO_PAGE = '0000000000000000';

describe('logging-begins', () => {
  /** Page 0 is left without W by a log that has been switched off. */
  const stale = [...slotCreated(), firstPage, ...logBegins(protects(0, PFN)), ...logEnds()];

  it('explains a page that was written while the log was switched on, and is in no harvest', () => {
    const verdicts = replayOf(
      ...stale,
      ...logBegins(fixed(0, 0, PFN), protects(0, PFN)),
      ...harvested(NO_PAGE),
    );
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'logging-begins': 1 } });
  });

  it('does not explain one that was written afterwards', () => {
    const verdicts = replayOf(...stale, ...logBegins(), fixed(0, 0, PFN), ...harvested(NO_PAGE));
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).not.toEqual([]);
  });

  it('is not needed for one that is in the harvest', () => {
    const verdicts = replayOf(
      ...stale,
      ...logBegins(),
      fixed(0, 0, PFN),
      ...harvested(ONE_PAGE, protects(0, PFN)),
    );
    expect(outcome(verdicts)).toEqual(clean);
  });
});

describe('told-late', () => {
  const [pid, fault, look, entry] = fixed(0, 0, PFN) as [number, TraceBody, TraceBody, TraceBody];
  const logged = [...slotCreated(), firstPage, ...logBegins(protects(0, PFN))];

  it('has a repair come before the harvest that took it, though it is told after', () => {
    const verdicts = replayOf(...logged, [pid, fault], ...harvested(ONE_PAGE, protects(0, PFN)), [
      pid,
      look,
      entry,
    ]);
    expect(outcome(verdicts)).toEqual({ ...clean, inferences: { 'told-late': 1 } });
  });

  it('does not, when the fault had not begun by then', () => {
    const verdicts = replayOf(...logged, ...harvested(ONE_PAGE, protects(0, PFN)), [
      pid,
      fault,
      look,
      entry,
    ]);
    expect(verdicts.inferences).toEqual({});
    expect(verdicts.unexplained).not.toEqual([]);
  });
});

describe('hardware-a-d', () => {
  it('sets D where the trace finds it set', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      [
        vcpuTask(1),
        pageFault(1, 0),
        requested(0, PFN),
        changed(0, leaf(PFN, 0xe67), leaf(PFN, 0xe27)),
        set(0, leaf(PFN, 0xe27)),
        enters(1),
      ],
      withdrawn(0, zapped(0, PFN)),
    );
    expect(verdicts.inferences).toMatchObject({ 'hardware-a-d': 1 });
    expect(verdicts.unexplained).toEqual([]);
  });

  it('never clears what is set', () => {
    const zapsWithoutA = changed(0, leaf(PFN, 0xe47), NONE);
    const verdicts = replayOf(...slotCreated(), firstPage, withdrawn(0, zapsWithoutA));
    expect(verdicts.inferences).toEqual({});
    expect(verdicts.unexplained).toHaveLength(1);
  });
});

describe('lock-taken-late', () => {
  const withdraws = (pid: number, ...bodies: TraceBody[]): Telling => {
    const [, ...rest] = withdrawn(0, ...bodies);
    return [pid, ...rest];
  };

  it('has a notifier that zapped nothing come after the one that did', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      withdraws(2),
      withdraws(3, zapped(0, PFN)),
      withdraws(2),
    );
    expect(outcome(verdicts)).toMatchObject({
      inferences: { 'lock-taken-late': 1 },
      unexplained: 0,
    });
  });

  it('is no excuse where nobody zaps', () => {
    const verdicts = replayOf(...slotCreated(), firstPage, withdraws(2));
    expect(verdicts.unexplained).toMatchObject([{ expected: 'nothing' }]);
  });

  /** The legacy MMU tells of no zap. The host does not let the page be written. */
  const legacyPage: Telling = [
    vcpuTask(0),
    pageFault(0, 0, 0x1_0000_0004),
    requested(0, PFN),
    set(0, leaf(PFN, 0x825)),
    enters(0),
  ];
  const [pid, ...look] = fixed(1, 0, PFN);
  const looks: Telling = [
    pid,
    ...look.map((body) =>
      body.event === 'fast_page_fault'
        ? { ...body, old_spte: leaf(PFN, 0x825), fixed: false }
        : body,
    ),
  ];

  it('has one of the legacy MMU come after a look that finds the page mapped still', () => {
    const verdicts = replayOf(...slotCreated(), legacyPage, withdraws(2), looks, withdraws(2));
    expect(verdicts.inferences).toMatchObject({ 'lock-taken-late': 1 });
    expect(verdicts.tallies.fast_page_fault).toMatchObject({ agreed: 1 });
  });

  it('is not needed in the legacy MMU where nobody finds it mapped: it comes where it is told', () => {
    const verdicts = replayOf(...slotCreated(), legacyPage, withdraws(2), legacyPage);
    expect(verdicts.inferences).toEqual({ 'invalidation-ended': 1 });
    expect(verdicts.tallies.kvm_mmu_set_spte).toMatchObject({ agreed: 2 });
  });

  it('is not needed where nothing is mapped', () => {
    const verdicts = replayOf(...slotCreated(), withdraws(2), firstPage);
    expect(verdicts.inferences).toEqual({ 'invalidation-ended': 1 });
  });
});

describe('harvest-untraced', () => {
  /** The legacy MMU tells of no table and of no change. */
  const legacy = [
    ...slotCreated(),
    [
      vcpuTask(0),
      pageFault(0, 0),
      requested(0, PFN),
      set(0, leaf(PFN, 0xe67)),
      enters(0),
    ] as Telling,
    ...logBegins(),
  ];

  it('has a page that was written during the harvest be in it, when user space got it', () => {
    const verdicts = replayOf(...legacy, ...harvested(ONE_PAGE, fixed(0, 0, PFN)));
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'harvest-untraced': 1 } });
  });

  it('is not needed for a page that was written before', () => {
    const verdicts = replayOf(...legacy, fixed(0, 0, PFN), ...harvested(ONE_PAGE));
    expect(outcome(verdicts)).toEqual(clean);
  });

  it('does not explain a page that was written after it', () => {
    const verdicts = replayOf(...legacy, ...harvested(ONE_PAGE), fixed(0, 0, PFN));
    expect(verdicts.rules).toEqual({});
    expect(verdicts.unexplained).toMatchObject([{ expected: 'dirty' }]);
  });
});

describe('nested-guest', () => {
  const left = (verdicts: Verdicts) => ({ ...outcome(verdicts), leftOut: verdicts.leftOut });
  const nested = (page: number): Telling[] => [asksForNested(0), shadowed(0, page, PFN + page)];

  it('leaves out a fault of a nested guest with tables of its own, and the next one too', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      entersNested(0, true),
      ...nested(1),
      ...nested(2),
    );
    expect(left(verdicts)).toEqual({ ...clean, leftOut: { 'nested-guest': 2 } });
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 1 });
  });

  it('compares what the guest itself does after its guest, and what another vCPU does meanwhile', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      entersNested(0, true),
      ...nested(1),
      mapped(1, 2, PFN + 2),
      leavesNested(0),
      mapped(0, 1, PFN + 1),
    );
    expect(left(verdicts)).toEqual({ ...clean, leftOut: { 'nested-guest': 1 } });
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 3 });
  });

  it("does not hide a change of the guest's own tables in such a fault", () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      entersNested(0, true),
      mapped(0, 1, PFN + 1),
    );
    expect(verdicts.unexplained).toMatchObject([{ kind: 'kvm_tdp_mmu_spte_changed' }]);
  });

  it('has what it may write in the log', () => {
    const logged = [...slotCreated(), firstPage, ...logBegins(protects(0, PFN))];
    const verdicts = replayOf(
      ...logged,
      entersNested(0, true),
      shadowed(0, 0, PFN),
      ...harvested(ONE_PAGE),
    );
    expect(verdicts.tallies['dirty page']).toMatchObject({ agreed: 1, unexplained: 0 });
  });
});

describe('a nested guest without nested paging', () => {
  const begun: Telling[] = [
    ...slotCreated(),
    firstPage,
    entersNested(0, false),
    mapped(0, 0, PFN, LINKS),
  ];

  it('is mapped under a root of its own', () => {
    const verdicts = replayOf(...begun, leavesNested(0), mapped(0, 1, PFN + 1));
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['fault result']).toMatchObject({ agreed: 3 });
  });

  it('has its leaves protected, and those of the guest, when a log begins and when it is harvested', () => {
    const protectsBoth = [protects(0, PFN), protects(0, PFN)];
    const verdicts = replayOf(
      ...begun,
      ...logBegins(...protectsBoth),
      fixed(0, 0, PFN),
      ...harvested(ONE_PAGE, protects(0, PFN)),
    );
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies['dirty page']).toMatchObject({ agreed: 1 });
  });

  it('differs where the kernel protects in one root alone', () => {
    const verdicts = replayOf(...begun, ...logBegins(protects(0, PFN)));
    expect(verdicts.unexplained).toMatchObject([{ expected: 'nothing' }]);
  });

  it('loses a page that the host withdraws, as the guest does', () => {
    const verdicts = replayOf(...begun, withdrawn(0, zapped(0, PFN), zapped(0, PFN)));
    expect(outcome(verdicts)).toEqual(clean);
  });
});

/** KVM counts the generation once per address space: 2 of the slot's creation, 4 after another ioctl. */
const FIRST_GEN = 2;

describe('memslots-in-update', () => {
  const update = (gen: number): Verdicts =>
    replayOf(
      ...slotCreated(),
      firstPage,
      ...logBegins(marksMmio(0, 600, gen, 'links'), protects(0, PFN)),
    );

  it('explains an MMIO spte, and the table for it, that KVM leaves while memslots are replaced', () => {
    const verdicts = update(FIRST_GEN);
    expect(outcome(verdicts)).toEqual({ ...clean, rules: { 'memslots-in-update': 4 } });
  });

  it('does not explain one of a generation that never was', () => {
    expect(update(FIRST_GEN + 6).unexplained).toMatchObject([
      { kind: 'kvm_tdp_mmu_spte_changed' },
      { kind: 'mark_mmio_spte' },
    ]);
  });

  it('is not needed when no memslot is being replaced: this MMU leaves the same', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      marksMmio(0, 600, FIRST_GEN, 'links'),
      ...logBegins(protects(0, PFN)),
    );
    expect(outcome(verdicts)).toEqual(clean);
    expect(verdicts.tallies.mark_mmio_spte).toMatchObject({ agreed: 1 });
  });

  it('leaves a table that faults after the update find', () => {
    const verdicts = replayOf(
      ...slotCreated(),
      firstPage,
      ...logBegins(marksMmio(0, 600, FIRST_GEN, 'links'), protects(0, PFN)),
      marksMmio(0, 601, FIRST_GEN + 2, 'finds the table'),
    );
    expect(verdicts.unexplained).toEqual([]);
  });
});

describe('generation-told', () => {
  const inferred = { ...clean, inferences: { 'generation-told': 1 } };
  const marked = [...slotCreated(), firstPage, marksMmio(0, 600, FIRST_GEN, 'links')];

  it('ends the grace period when a fault within the ioctl tells the next generation', () => {
    const next = marksMmio(0, 601, FIRST_GEN + 2, 'finds the table');
    expect(outcome(replayOf(...marked, ...logBegins(next, protects(0, PFN))))).toEqual(inferred);
  });

  it('publishes memslots after an MMIO spte that is found current within the ioctl', () => {
    const verdicts = replayOf(
      ...marked,
      ...logBegins(checksMmio(1, 600, FIRST_GEN), protects(0, PFN)),
    );
    expect(outcome(verdicts)).toEqual(inferred);
    expect(verdicts.tallies.check_mmio_spte).toMatchObject({ agreed: 1 });
  });

  it('is not needed for one that is found before', () => {
    const verdicts = replayOf(
      ...marked,
      checksMmio(1, 600, FIRST_GEN),
      ...logBegins(protects(0, PFN)),
    );
    expect(outcome(verdicts)).toEqual(clean);
  });

  it('publishes memslots after a page is mapped of the slot that is being deleted', () => {
    const { inferences, tallies } = replayOf(
      ...slotCreated(),
      firstPage,
      ...slotDeleted(mapped(1, 1, PFN + 1)),
    );
    expect(inferences).toEqual({ 'generation-told': 1 });
    expect(tallies['fault result']).toMatchObject({ agreed: 2, unexplained: 0 });
  });

  it('does not wait for a fault of that slot that comes to nothing: it finds the slot invalid', () => {
    const nothing: Telling = [vcpuTask(1), pageFault(1, 1), enters(1)];
    const { inferences, rules, tallies } = replayOf(
      ...slotCreated(),
      firstPage,
      ...slotDeleted(nothing),
    );
    expect({ inferences, rules }).toEqual({ inferences: {}, rules: {} });
    expect(tallies['fault result']).toMatchObject({ agreed: 2, unexplained: 0 });
  });
});
