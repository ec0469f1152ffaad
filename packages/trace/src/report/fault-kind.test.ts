import { describe, expect, it } from 'vitest';
import {
  at,
  changed,
  entry,
  exit,
  fast,
  HUGE_PROTECTED,
  NOTHING,
  PROTECTED,
  pageFault,
  READ_ONLY,
  requested,
  setSpte,
  WRITABLE,
} from '../../test/fault-lines.ts';
import { reportOf } from '../../test/report-of.ts';
import { FAULT_KINDS, type FaultKind } from './fault-kind.ts';

const GFN = 0x10042;
const WRITE = 0x100000007;
const FIRST_WRITE = 0x100000006;
const MMIO_WRITE = 0x10000000e;
const walk = (us: number): string => at(us, 'kvm_mmu_pagetable_walk: addr 10409 pferr 10 F');
const emulate = (us: number): string => at(us, 'kvm_emulate_insn: 0:10409:89 55 00 (prot64)');
const mmio = (us: number): string => at(us, 'kvm_mmio: mmio write len 4 gpa 0xd0000000 val 0x1');
const toVmm = (us: number, reason = 'KVM_EXIT_MMIO (6)'): string =>
  at(us, `kvm_userspace_exit: reason ${reason}`);
const mark = at(30, 'mark_mmio_spte: sptep:ffff8881033a2000 gfn d0000 access 7 gen 4');
const check = (valid: 0 | 1): string =>
  at(25, `check_mmio_spte: spte 80000d0010027 kvm_gen 4 spte-gen 4 valid ${valid}`);
const known = at(28, 'handle_mmio_page_fault: addr:0 gfn d0010 access 6');

/** What happens between the fault at 10 us and the next entry at 90 us. */
const faultWith = (code: number, ...between: string[]): string[] => [
  entry(1),
  exit(10),
  pageFault(12, GFN, code),
  ...between,
  entry(90),
];

function kindsOf(lines: readonly string[]): Partial<Record<FaultKind, number>> {
  return Object.fromEntries(reportOf(lines).kinds.map(({ kind, count }) => [kind, count]));
}

describe('a fault is', () => {
  it.each<[FaultKind, string, string[]]>([
    [
      'fast_fixed',
      'fixed by the fast path',
      faultWith(WRITE, fast(20, GFN, 'fixed', PROTECTED, WRITABLE)),
    ],
    ['fast_spurious', 'found repaired', faultWith(WRITE, fast(20, GFN, 'spurious', WRITABLE))],
    [
      'zapped_in_flight',
      'found without an spte',
      faultWith(WRITE, fast(20, GFN, 'invalid', NOTHING)),
    ],
    [
      'cow',
      'a write to a page that the host shares',
      faultWith(
        WRITE,
        fast(20, GFN, 'invalid', READ_ONLY),
        requested(40, GFN),
        changed(42, GFN, READ_ONLY, '99999e67'),
        setSpte(44, GFN),
      ),
    ],
    [
      'cow',
      'the same where fast_page_fault was not recorded',
      faultWith(
        WRITE,
        requested(40, GFN),
        changed(42, GFN, READ_ONLY, '99999e67'),
        setSpte(44, GFN),
      ),
    ],
    [
      'cow',
      'the same when the copy is made and the fault retried',
      faultWith(WRITE, fast(20, GFN, 'invalid', READ_ONLY), changed(42, GFN, READ_ONLY, NOTHING)),
    ],
    [
      'read_only_slot',
      'a write to a read-only memslot',
      faultWith(
        WRITE,
        fast(20, GFN, 'invalid', READ_ONLY),
        walk(30),
        emulate(40),
        mmio(50),
        toVmm(60),
      ),
    ],
    [
      'huge_logged',
      'a write to a logged huge page',
      faultWith(
        WRITE,
        fast(20, GFN, 'invalid', HUGE_PROTECTED),
        requested(30, GFN),
        setSpte(40, GFN),
      ),
    ],
    [
      'huge_logged',
      'the same where MMU_WRITABLE is clear',
      faultWith(WRITE, fast(20, GFN, 'invalid', '12200ae5')),
    ],
    [
      'write_tracked',
      'a write to a shadowed page table',
      faultWith(WRITE, fast(20, GFN, 'invalid', '123aba25')),
    ],
    [
      'access_tracked',
      'an access to a tracked spte',
      faultWith(WRITE, fast(20, GFN, 'invalid', '1500000123abe00')),
    ],
    [
      'fast_declined',
      'declined for another reason',
      faultWith(WRITE, fast(20, GFN, 'invalid', PROTECTED)),
    ],
    ['slow_map', 'a first touch', faultWith(FIRST_WRITE, requested(30, GFN), setSpte(40, GFN))],
    [
      'slow_huge',
      'a first touch of a huge page',
      faultWith(FIRST_WRITE, requested(30, GFN, 2), setSpte(40, GFN, 2)),
    ],
    [
      'slow_write',
      'a protected page repaired under mmu_lock',
      faultWith(WRITE, changed(30, GFN, PROTECTED, WRITABLE)),
    ],
    [
      'slow_exec',
      'an execution of a page that may not be executed',
      faultWith(0x100000015, requested(30, GFN), setSpte(40, GFN)),
    ],
    [
      'mmio_first',
      'the first touch of a device',
      faultWith(
        FIRST_WRITE,
        requested(20, GFN),
        changed(22, GFN, NOTHING, '80000d0000027'),
        mark,
        emulate(40),
        mmio(45),
        toVmm(50),
      ),
    ],
    [
      'mmio_fast',
      'a device that is known',
      faultWith(MMIO_WRITE, check(1), known, emulate(40), mmio(45), toVmm(50)),
    ],
    [
      'mmio_stale',
      'a device known to old memslots',
      faultWith(MMIO_WRITE, check(0), requested(27, GFN), mark, emulate(40)),
    ],
    [
      'mmio_stale',
      'memory where a device was',
      faultWith(MMIO_WRITE, check(0), requested(27, GFN), setSpte(30, GFN)),
    ],
    [
      'mmio_cached',
      'a device that the vCPU remembers',
      faultWith(MMIO_WRITE, walk(20), emulate(40), mmio(45)),
    ],
    [
      'mmio_fast',
      'with P set, as hardware does',
      faultWith(0x10000000f, check(1), known, emulate(40)),
    ],
    [
      'emulated',
      'a write to a shadowed table that is emulated',
      faultWith(WRITE, walk(20), emulate(40)),
    ],
    [
      'guest_fault',
      'what the guest must mend',
      faultWith(2, walk(20), at(30, 'kvm_inj_exception: #PF (0x3)')),
    ],
    [
      'async_page',
      'a page that is swapped in meanwhile',
      faultWith(FIRST_WRITE, at(20, 'kvm_try_async_get_page: gva = 0x1234, gfn = 0x10042')),
    ],
    [
      'userspace',
      'a page that only the VMM can bring',
      faultWith(FIRST_WRITE, toVmm(40, 'error (14)')),
    ],
    ['retried', 'one that ends in nothing', faultWith(FIRST_WRITE)],
    ['retried', 'the same, for a device', faultWith(MMIO_WRITE)],
    ['unfinished', 'one without a re-entry', faultWith(FIRST_WRITE).slice(0, -1)],
    ['unfinished', 'the same, for a device', faultWith(MMIO_WRITE).slice(0, -1)],
    [
      'fast_fixed',
      'fixed, where its re-entry is lost',
      faultWith(WRITE, fast(20, GFN, 'fixed', PROTECTED, WRITABLE)).slice(0, -1),
    ],
  ])('%s: %s', (kind, _, lines) => {
    expect(kindsOf(lines)).toEqual({ [kind]: 1 });
  });

  it('slow_remap: one of the small pages whose huge page was dropped', () => {
    const dropped = faultWith(WRITE, fast(20, GFN, 'invalid', HUGE_PROTECTED), setSpte(40, GFN));
    const next = [
      exit(100),
      pageFault(101, GFN + 1, FIRST_WRITE),
      setSpte(110, GFN + 1),
      entry(120),
    ];
    const elsewhere = [
      exit(200),
      pageFault(201, GFN + 512, FIRST_WRITE),
      setSpte(210, GFN + 512),
      entry(220),
    ];
    expect(kindsOf([...dropped, ...next, ...elsewhere])).toEqual({
      huge_logged: 1,
      slow_remap: 1,
      slow_map: 1,
    });
  });

  it('slow_map again once the huge page was split or is back', () => {
    const met = fast(20, GFN, 'invalid', HUGE_PROTECTED);
    const split = at(30, 'kvm_mmu_split_huge_page: gfn 10000 spte 122000ee7 level 2 errno 0');
    const next = [
      exit(100),
      pageFault(101, GFN + 1, FIRST_WRITE),
      setSpte(110, GFN + 1),
      entry(120),
    ];
    const back = [exit(95), pageFault(96, GFN, FIRST_WRITE), setSpte(97, GFN, 2), entry(98)];
    expect(kindsOf([...faultWith(WRITE, met, split), ...next])).toMatchObject({ slow_map: 1 });
    expect(kindsOf([...faultWith(WRITE, met), ...back, ...next])).toMatchObject({ slow_map: 1 });
  });

  it('taken with the exit qualification of an EPT violation on Intel', () => {
    const ept = [entry(1), exit(10, 'EPT_VIOLATION')];
    const lines = (look: string): string[] => [
      ...ept,
      pageFault(12, GFN, 0x1aa), // a write, read and execute were allowed
      fast(20, GFN, 'invalid', look),
      entry(90),
    ];
    expect(kindsOf([...ept, pageFault(12, GFN, 0x182), setSpte(40, GFN), entry(90)])).toEqual({
      slow_map: 1,
    });
    // Bits 57 and 58 are host- and MMU-writable there.
    expect(kindsOf(lines('86000000123ab935'))).toEqual({ fast_declined: 1 });
    expect(kindsOf(lines('82000000123ab935'))).toEqual({ write_tracked: 1 });
    expect(kindsOf(lines('80000000123ab935'))).toEqual({ cow: 1 });
  });

  it('mmio on Intel without a kvm_page_fault: the exit is EPT_MISCONFIG', () => {
    const lines = [
      entry(1),
      exit(10, 'EPT_MISCONFIG'),
      known,
      emulate(40),
      mmio(45),
      toVmm(50),
      entry(90),
    ];
    expect(kindsOf(lines)).toEqual({ mmio_fast: 1 });
    const fastMmio = [
      entry(1),
      exit(10, 'EPT_MISCONFIG'),
      at(12, 'kvm_fast_mmio: fast mmio at gpa 0xd0000000'),
      entry(20),
    ];
    expect(kindsOf(fastMmio)).toEqual({ mmio_eventfd: 1 });
  });
});

describe('what is said of a kind', () => {
  it.each(Object.entries(FAULT_KINDS))('fits a line of a mail: %s', (_, { label, soWhat }) => {
    expect(label.length).toBeLessThanOrEqual(40);
    expect(`  => ${label}: ${soWhat}`.length).toBeLessThanOrEqual(100);
  });
});
