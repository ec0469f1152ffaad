import { describe, expect, it } from 'vitest';
import {
  created,
  event,
  fastPageFault,
  HVA,
  harvestOf,
  marker,
  memslot,
  merge,
  PAGE,
  planOf,
  setSpte,
  touch,
} from '../test/trace-events.ts';
import type { TracePlan } from './trace-plan.ts';

const kinds = ({ steps }: TracePlan): string[] => steps.map(({ action }) => action.kind);
const touched = ({ steps }: TracePlan): (readonly number[])[] => steps.map((step) => step.touched);
const touchesOf = ({ touches }: TracePlan, vcpu = 0): number[][] => {
  const { length = 0, gfn = [], hvn = [], word = [] } = touches[vcpu] ?? {};
  return Array.from({ length }, (_, i) => [gfn[i] ?? 0, hvn[i] ?? 0, word[i] ?? 0]);
};

describe('a touch in a trace', () => {
  it('has the gfn of its address', () => {
    expect(touchesOf(planOf(created(), touch(0x105)))[0]?.[0]).toBe(0x105);
  });

  it('lies where its slot lies in the memory of the VMM', () => {
    const plan = planOf(created({ slot: 0, gfn: 0, pages: 8 }), created(), touch(0x103));
    expect(touchesOf(plan)[0]?.[1]).toBe(8 + 3);
  });

  it('has its word, doubled, plus one for a write', () => {
    const plan = planOf(
      created(),
      touch(0x100, { word: 9 }),
      touch(0x100, { word: 1023, write: false }),
    );
    expect(touchesOf(plan).map(([, , word]) => word)).toEqual([19, 2046]);
  });

  it.each([0xff, 0x110])('outside any slot has no page: gfn %i', (gfn) => {
    expect(touchesOf(planOf(created(), touch(gfn)))).toEqual([[gfn, -1, 1]]);
  });

  it('before its slot was created has no page', () => {
    expect(touchesOf(planOf(touch(0x100), created())).map(([, hvn]) => hvn)).toEqual([-1]);
  });

  it('after its slot began to go has no page', () => {
    const plan = planOf(created(), memslot('delete', 'begin'), touch(0x100));
    expect(touchesOf(plan).map(([, hvn]) => hvn)).toEqual([-1]);
  });

  it('by one vCPU is none of another', () => {
    const plan = planOf(created(), touch(0x100), touch(0x101, { vcpu: 2 }));
    expect(plan.touches.map(({ length }) => length)).toEqual([1, 0, 1]);
  });

  it.each([
    ['8 TiB', 2 ** 31],
    ['56 TiB, a 64-bit BAR', 0x3_8000_0000],
    ['a kernel address of the guest', -0x777e_fcb8],
  ])('at %s finds no memory, and the notes say so', (_, gfn) => {
    const plan = planOf(created(), touch(gfn));
    expect([touchesOf(plan)[0]?.[1], plan.notes]).toEqual([
      -1,
      ['faults from 8 TiB on (guest virtual addresses, large BARs) find no memory'],
    ]);
  });

  it('of a vCPU that no machine has is refused', () => {
    expect(() => planOf(created(), touch(0x100, { vcpu: 4_000_000_000 }))).toThrow(
      new RangeError('expected a vCPU below 4096, got 4000000000'),
    );
  });
});

describe('memslots by their markers', () => {
  it('are there once their creation has ended', () => {
    const plan = planOf(memslot('create', 'begin'), touch(0x100), created());
    expect([kinds(plan), touched(plan)]).toEqual([
      ['create', 'delete'],
      [[1], [1]],
    ]);
  });

  it('are not there when their creation failed', () => {
    const failed = created({ slot: 2, gfn: 0x400, errno: 17 });
    expect(planOf(created(), failed, touch(0x400)).regions).toHaveLength(1);
  });

  it('carry the flags that KVM has for them, and no other', () => {
    const plan = planOf(created({ flags: 0xf }), touch(0x100));
    expect(plan.steps[0]?.action).toMatchObject({ kind: 'create', flags: 3 });
  });

  it('change their flags where the change began', () => {
    const plan = planOf(
      created(),
      memslot('flags', 'begin', { flags: 1 }),
      touch(0x100),
      memslot('flags', 'end', { flags: 1 }),
    );
    expect([kinds(plan), touched(plan)]).toEqual([
      ['create', 'flags', 'delete'],
      [[0], [0], [1]],
    ]);
  });

  it('are deleted where their deletion began', () => {
    const plan = planOf(
      created(),
      touch(0x100),
      memslot('delete', 'begin'),
      touch(0x101),
      memslot('delete', 'end'),
    );
    expect([kinds(plan), touched(plan)]).toEqual([
      ['create', 'delete'],
      [[0], [1]],
    ]);
  });

  it('that the trace leaves standing are deleted at the end', () => {
    const plan = planOf(created(), created({ slot: 2, gfn: 0x400, hva: HVA * 2 }), touch(0x100));
    expect(kinds(plan)).toEqual(['create', 'create', 'delete', 'delete']);
  });

  it('that come back over the same memory keep its pages', () => {
    const plan = planOf(created(), memslot('delete', 'begin'), created(), touch(0x102));
    expect([plan.hostPages, touchesOf(plan)[0]?.[1]]).toEqual([16, 2]);
  });

  it('that come back over other memory get other pages', () => {
    const back = created({ hva: HVA + 16 * PAGE });
    const plan = planOf(created(), memslot('delete', 'begin'), back, touch(0x102));
    expect([plan.hostPages, touchesOf(plan)[0]?.[1]]).toEqual([32, 18]);
  });

  it.each([
    ['the same number', { gfn: 0x400 }],
    ['the same place', { slot: 2, gfn: 0x10f }],
  ])('that come while another has %s replace it, and the notes say so', (_, second) => {
    const plan = planOf(created(), created(second), touch(0x100));
    expect([kinds(plan), plan.notes]).toEqual([
      ['create', 'delete', 'create', 'delete'],
      ['a memslot came while another was in its place: that one is deleted first'],
    ]);
  });

  const moved = (options = {}) => memslot('move', 'begin', { gfn: 0x200, ...options });

  it('that are moved take their memory with them, from where the move began', () => {
    const plan = planOf(created(), moved(), touch(0x203), touch(0x103));
    expect([kinds(plan), plan.hostPages, touchesOf(plan).map(([, hvn]) => hvn)]).toEqual([
      ['create', 'move', 'delete'],
      16,
      [3, -1],
    ]);
  });

  it('that are moved take new flags after the move', () => {
    const plan = planOf(created(), moved({ flags: 1 }), touch(0x200));
    expect(kinds(plan)).toEqual(['create', 'move', 'flags', 'delete']);
  });

  it('that are moved onto another make it go first', () => {
    const other = created({ slot: 2, gfn: 0x208, hva: HVA * 2 });
    expect(kinds(planOf(created(), other, moved(), touch(0x200)))).toEqual([
      'create',
      'create',
      'delete',
      'move',
      'delete',
    ]);
  });

  it('that nobody has created are not moved', () => {
    expect(kinds(planOf(created(), moved({ slot: 5 }), touch(0x100)))).toEqual([
      'create',
      'delete',
    ]);
  });

  it('stay read-only, or writable, as they were created: KVM refuses anything else', () => {
    const plan = planOf(created({ flags: 2 }), memslot('flags', 'begin', { flags: 1 }), touch(1));
    expect(plan.steps[1]?.action).toMatchObject({ kind: 'flags', flags: 3 });
  });

  it.each([
    ['below 32, got slot 32', { slot: 32 }],
    ['of whole pages, got 0 pages at gfn 256', { pages: 0 }],
    ['of whole pages, got 0.5 pages at gfn 256', { pages: 0.5 }],
    ['below 8 TiB, got 16 pages at gfn 2147483640', { gfn: 0x7fff_fff8 }],
  ])('that cannot be are refused: expected a memslot %s', (message, of) => {
    expect(() => planOf(created(of))).toThrow(new RangeError(`expected a memslot ${message}`));
  });

  it('of more memory than a machine has are refused', () => {
    expect(() => planOf(created({ pages: 2 ** 22 }), touch(0x100))).toThrow(
      new RangeError('expected at most 14.2 GiB of guest memory, got 16.0 GiB'),
    );
  });
});

describe('what the VMM does between the touches', () => {
  it('is a step with how far each vCPU had come', () => {
    const plan = planOf(
      created(),
      touch(0x100),
      touch(0x101, { vcpu: 1 }),
      touch(0x102, { vcpu: 1 }),
      ...harvestOf(1),
      touch(0x103),
    );
    expect(touched(plan)).toEqual([
      [0, 0],
      [1, 2],
      [2, 2],
    ]);
  });

  it('counts a vCPU that came late as one that had done nothing before', () => {
    const plan = planOf(created(), touch(0x100), ...harvestOf(1), touch(0x101, { vcpu: 1 }));
    expect(touched(plan)[1]).toEqual([1, 0]);
  });

  it('harvests where GET_DIRTY_LOG began', () => {
    const plan = planOf(created(), ...harvestOf(1), touch(0x100));
    expect(plan.steps[1]?.action).toEqual({ kind: 'harvest', region: plan.regions[0] });
  });

  it('harvests no slot that is not there', () => {
    expect(kinds(planOf(created(), ...harvestOf(9), touch(0x100)))).toEqual(['create', 'delete']);
  });

  it('clears where CLEAR_DIRTY_LOG began, in its range', () => {
    const clear = { ev: 'clear_dirty_log', slot: 1, round: 0, first_page: 0, num_pages: 16 };
    const plan = planOf(
      created(),
      ...harvestOf(1),
      marker({ ...clear, at: 'begin' } as never),
      marker({ ...clear, at: 'end', errno: 0 } as never),
      marker({ ...clear, slot: 9, at: 'begin' } as never),
      touch(0x100),
    );
    const [region] = plan.regions;
    expect(plan.steps.map(({ action }) => action)).toEqual([
      expect.objectContaining({ kind: 'create' }),
      { kind: 'harvest', region },
      { kind: 'clear', region, firstPage: 0, numPages: 16 },
      { kind: 'delete', region },
    ]);
  });

  it('resets the dirty rings where RESET_DIRTY_RINGS began', () => {
    const plan = planOf(
      created(),
      marker({ ev: 'reset_dirty_rings', at: 'begin', harvested: 5 }),
      marker({ ev: 'reset_dirty_rings', at: 'end', reset: 5 }),
      touch(0x100),
    );
    expect(plan.steps[1]?.action).toEqual({ kind: 'reset', regions: plan.regions });
  });

  it.each([
    ['bitmap', [], 1024],
    ['manual', [{ cap: 'MANUAL_DIRTY_LOG_PROTECT2', arg: 1, errno: 0 }], 1024],
    ['initially-set', [{ cap: 'MANUAL_DIRTY_LOG_PROTECT2', arg: 3, errno: 0 }], 1024],
    ['ring', [{ cap: 'DIRTY_LOG_RING', entries: 256, errno: 0 }], 256],
    ['bitmap', [{ cap: 'DIRTY_LOG_RING', entries: 256, errno: 22 }], 1024],
  ])('keeps its log as it was asked for: %s', (log, caps, entries) => {
    const asked = caps.map((cap) => marker({ ev: 'enable_cap', ...cap }));
    const { dirtyLog, dirtyRing } = planOf(...asked, created(), touch(0x100));
    expect([dirtyLog, dirtyRing]).toEqual([log, entries]);
  });

  it("fills what is to be merged, and not the guest's own slot 0", () => {
    const plan = planOf(
      created({ slot: 0, gfn: 0 }),
      created(),
      marker({ ev: 'phase', name: 'fill-identical' }),
      touch(0x100),
    );
    expect(plan.steps[2]?.action).toEqual({ kind: 'fill', region: plan.regions[1] });
    expect(kinds(plan)).toHaveLength(5);
  });

  it('merges in the regions that were marked mergeable', () => {
    const act = 'madvise(MADV_MERGEABLE)';
    const hva = `0x${HVA.toString(16)}` as const;
    const plan = planOf(
      created({ slot: 0, gfn: 0, hva: HVA * 2 }),
      created(),
      marker({ ev: 'host', act, hva, len: 16 * PAGE, rc: 0, errno: 0 }),
      touch(0x100),
    );
    expect(plan.mergeable).toEqual([plan.regions[1]]);
  });

  it.each([
    ['1', true],
    ['1\n', true],
    ['0', false],
    ['2', false],
  ])('starts and stops ksmd by ksm/run: %j', (val, run) => {
    const plan = planOf(
      created(),
      marker({ ev: 'sysfs', file: '/sys/kernel/mm/ksm/run', val }),
      touch(0x100),
    );
    expect(plan.steps[1]?.action).toEqual({ kind: 'ksm', run });
  });

  it('takes no step for the rest of what KSM was told', () => {
    const sleep = { ev: 'sysfs', file: '/sys/kernel/mm/ksm/sleep_millisecs', val: '1' } as const;
    expect(kinds(planOf(created(), marker(sleep), touch(0x100)))).toEqual(['create', 'delete']);
  });
});

describe('what the kernel did', () => {
  const { kernel } = planOf(
    created(),
    touch(0x100),
    touch(0x100),
    touch(0x100),
    fastPageFault('fixed'),
    fastPageFault('fixed'),
    fastPageFault('spurious'),
    fastPageFault('neither'),
    setSpte(0x100),
    ...harvestOf(1, 5),
    ...harvestOf(1, 7),
  );

  it('is counted by kind', () => {
    expect(kernel).toMatchObject({
      pageFaults: 3,
      fastFixed: 2,
      fastSpurious: 1,
      fastInvalid: 1,
      setSpte: 1,
    });
  });

  it('includes how many pages its harvests found', () => {
    expect(kernel).toMatchObject({ harvests: 2, dirtyPages: 12 });
  });

  it('includes the pages that ksmd merged, and not those it failed to', () => {
    const plan = planOf(created(), merge(0), merge(-14), merge(0), touch(0x100));
    expect(plan.kernel.merged).toBe(2);
  });

  it('includes how many pages its dirty rings gave back', () => {
    const reset = marker({ ev: 'reset_dirty_rings', at: 'end', reset: 5 });
    expect(planOf(created(), reset, touch(0x100)).kernel.dirtyPages).toBe(5);
  });
});

describe('the MMU of a trace', () => {
  const spteChanged = event({
    event: 'kvm_tdp_mmu_spte_changed',
    as_id: 0,
    gfn: 0x100 as never,
    level: 1,
    old_spte: { low: 0, high: 0 },
    new_spte: { low: 0, high: 0 },
  });

  it('is the legacy one where leaves are set and no change of an spte is told of; the reader is told', () => {
    const plan = planOf(created(), touch(0x100), setSpte(0x100), fastPageFault('fixed'));
    expect([plan.mmu, plan.notes]).toEqual([
      'legacy',
      ['leaves are set, and no kvm_tdp_mmu_spte_changed tells of them: played with the legacy MMU'],
    ]);
  });

  it('is the TDP MMU where changes of sptes are told of', () => {
    const plan = planOf(created(), touch(0x100), spteChanged, setSpte(0x100));
    expect([plan.mmu, plan.notes]).toEqual(['tdp', []]);
  });

  it('is the TDP MMU where nothing tells', () => {
    expect(planOf(created(), touch(0x100)).mmu).toBe('tdp');
  });
});

describe('a trace without memslot markers', () => {
  const plan = planOf(
    ...Array.from({ length: 20 }, (_, n) => touch(0x100 + n, { vcpu: n % 2 })),
    touch(0x20_0000),
  );

  it('gets a logged slot around each stretch that was touched', () => {
    expect(plan.regions).toEqual([
      { slot: 0, gfn: 0x100, npages: 20, hvn: 0 },
      { slot: 1, gfn: 0x20_0000, npages: 1, hvn: 20 },
    ]);
  });

  it('has them from the start, with their dirty log on', () => {
    expect(plan.steps.slice(0, 2)).toEqual(
      plan.regions.map((region) => ({
        action: { kind: 'create', region, flags: 1 },
        touched: [0, 0],
      })),
    );
  });

  it('is harvested nine times on the way', () => {
    const harvests = plan.steps.filter(({ action }) => action.kind === 'harvest');
    expect(harvests.map((step) => step.touched[1])).toEqual([
      1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9,
    ]);
  });

  it('finds memory wherever it touched', () => {
    expect(touchesOf(plan).map(([, hvn]) => hvn)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  });

  it('says what was put in their place', () => {
    expect(plan.notes).toEqual([
      'no memslot markers: 2 logged slots around what was touched, harvested 9 times',
    ]);
  });

  it('has no more slots than a VM, however scattered the touches', () => {
    const scattered = Array.from({ length: 100 }, (_, n) => touch(n * 36_000));
    expect(planOf(...scattered).regions.length).toBeLessThanOrEqual(32);
  });

  it('takes no step for slots that it does not know', () => {
    const run = marker({ ev: 'sysfs', file: '/sys/kernel/mm/ksm/run', val: '1' });
    expect(kinds(planOf(touch(1), run, ...harvestOf(1)))[0]).toBe('create');
  });

  it('that only touched virtual addresses is refused', () => {
    expect(() => planOf(touch(-5), touch(2 ** 35))).toThrow(
      'expected faults at guest physical addresses, got none below 8 TiB; usual cause: the guest ran with shadow paging',
    );
  });
});

describe('a trace without a fault of a vCPU', () => {
  it('is refused, with the usual cause', () => {
    expect(() => planOf(created(), fastPageFault('fixed'))).toThrow(
      new RangeError(
        'expected kvm_page_fault events of a vCPU, got none; usual cause: the trace was taken without kvm:kvm_page_fault',
      ),
    );
  });
});
