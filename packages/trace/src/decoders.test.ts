import { describe, expect, it } from 'vitest';
import { kernelText, withoutUnkeptColumns } from '../test/kernel-text.ts';
import { lineOf, parseLines } from '../test/parse-text.ts';
import { COUNTED_LINES, DECODED_LINES, LINES_BY_FORMAT } from '../test/sample-lines.ts';
import { decoders } from './decoders.ts';

const bodyOf = (event: string) => parseLines(lineOf(event)).events[0]?.body;
const errorsOf = (event: string) => parseLines(lineOf(event)).summary.errors;

describe('lines of real traces', () => {
  it.each([...DECODED_LINES, ...LINES_BY_FORMAT])('come back as they were: %s', (line) => {
    const { events, summary } = parseLines(line);
    const text = line.replace(/^.*?\d: \w+(: | -> |(?=\())/, '');
    expect(events.map(({ body }) => kernelText(body))).toEqual([withoutUnkeptColumns(text)]);
    expect(summary.unknownColumns).toEqual({});
  });

  it('name the event', () => {
    const names = DECODED_LINES.map((line) => /^.*?\d: (\w+(:| ->|\())/.exec(line)?.[1] ?? '');
    const events = parseLines(...DECODED_LINES).events.map(({ body }) => body.event);
    expect(events).toEqual(
      names.map((name) =>
        name
          .replace(/^sys_(\w+)\($/, 'sys_enter_$1')
          .replace(/^sys_(\w+) ->$/, 'sys_exit_$1')
          .replace('tracing_mark_write', 'marker')
          .replace(':', ''),
      ),
    );
  });

  it('of other events are counted, never an error', () => {
    const { events, summary } = parseLines(...COUNTED_LINES);
    expect({ events, errors: summary.errors }).toEqual({ events: [], errors: [] });
    expect(summary.events).toBe(COUNTED_LINES.length);
    expect(summary.unknown).toEqual(summary.counts);
    expect(summary.counts).toEqual({
      kvm_fpu: 1,
      kvm_pio: 1,
      kvm_msr: 1,
      sys_enter_futex: 1,
      sys_exit_futex: 1,
      sched_switch: 1,
    });
  });
});

describe('khugepaged of 6.18', () => {
  it('no longer says whether a range is writable', () => {
    const scanned =
      'mm_khugepaged_scan_pmd: mm=00000000662bd203, scan_pfn=0xffffffffffffffff, referenced=0, ' +
      'none_or_zero=0, status=pmd_none, unmapped=0';
    expect(bodyOf(scanned)).toEqual({
      event: 'mm_khugepaged_scan_pmd',
      mm: 0x662b_d203,
      scan_pfn: -1,
      referenced: 0,
      none_or_zero: 0,
      status: 'pmd_none',
      unmapped: 0,
    });
    const isolated =
      'mm_collapse_huge_page_isolate: scan_pfn=0x1247eb, none_or_zero=2, referenced=0, status=succeeded';
    expect(bodyOf(isolated)).toEqual({
      event: 'mm_collapse_huge_page_isolate',
      scan_pfn: 0x12_47eb,
      none_or_zero: 2,
      referenced: 0,
      status: 'succeeded',
    });
  });
});

describe('fast_page_fault', () => {
  const fixed =
    'fast_page_fault: vcpu 0 gva 1028dfa8 error_code P|W|U|0x100000000 sptep ffff888103476468 ' +
    'old 0x102db8e65 new 102db8e67 spurious 0 fixed 1';

  it('becomes the event that the running fast path makes', () => {
    expect(bodyOf(fixed)).toEqual({
      event: 'fast_page_fault',
      vcpu_id: 0,
      cr2_or_gpa: 0x1028_dfa8,
      error_code: 0x1_0000_0007,
      sptep: -0x777e_fcb8_9b98,
      old_spte: { low: 0x02db_8e65, high: 1 },
      new_spte: { low: 0x02db_8e67, high: 1 },
      spurious: false,
      fixed: true,
    });
  });

  it('keeps neighbouring entries of a kernel page table apart', () => {
    const next = fixed.replace('103476468', '103476470');
    expect(bodyOf(next)).toMatchObject({ sptep: -0x777e_fcb8_9b90 });
  });

  it.each([
    ['P|W|U', 0x7],
    ['P|W', 0x3],
    ['RSVD|F', 0x18],
    ['P|U|PK', 0x25],
    ['SS|SGX', 0x8040],
    ['P|W|U|0x200000000', 0x2_0000_0007],
    ['0x100000000', 0x1_0000_0000],
  ])('reads error code %s', (names, error_code) => {
    expect(bodyOf(fixed.replace('P|W|U|0x100000000', names))).toMatchObject({ error_code });
  });

  it('reads no name at all as 0', () => {
    expect(bodyOf(fixed.replace('P|W|U|0x100000000', ''))).toMatchObject({ error_code: 0 });
  });

  it('keeps all 64 bits of an spte', () => {
    const zapped = fixed
      .replace('0x102db8e65', '0x8000000000000000')
      .replace('new 102db8e67', 'new 80000000000005a0');
    expect(bodyOf(zapped)).toMatchObject({
      old_spte: { low: 0, high: -0x8000_0000 },
      new_spte: { low: 0x5a0, high: -0x8000_0000 },
    });
  });

  it.each([
    ['gva 1028dfa8', 'gva (null)', '1 to 16 hexadecimal digits'],
    ['P|W|U|', 'P|Q|', 'names of page-fault bits (P, W, U, RSVD, F) joined by "|"'],
    ['ffff888103476468', 'xyz', '1 to 16 hexadecimal digits'],
    ['102db8e65', '1ffffffffffffffff', '1 to 16 hexadecimal digits'],
    ['spurious 0', 'spurious 7', '0 or 1'],
    ['fixed 1', 'fixed', '" fixed "'],
    ['fixed 1', 'fixed 1x', 'a space or the end of the line'],
  ])('with %s changed to %s is an error', (was, is, expected) => {
    expect(errorsOf(fixed.replace(was, is))).toMatchObject([
      { line: 1, text: lineOf(fixed.replace(was, is)).trimStart(), expected },
    ]);
  });

  it('with a column that no kernel here has is decoded, and the column is said', () => {
    const { events, summary } = parseLines(lineOf(`${fixed} tries 2`));
    expect(events[0]?.body).toMatchObject({ event: 'fast_page_fault', fixed: true });
    expect(summary.unknownColumns).toEqual({ fast_page_fault: 1 });
  });
});

describe('kvm_exit', () => {
  const exit = (reason: string, rip: string) =>
    `kvm_exit: vcpu 3 reason ${reason} rip 0x${rip} info1 0x8000000000000182 info2 0xffffffff81000ff8 ` +
    'intr_info 0x00000000 error_code 0x00000000';

  it('keeps a reason of two words and the address of a guest kernel', () => {
    expect(bodyOf(exit('PF excp', 'ffffffff81000ff9'))).toEqual({
      event: 'kvm_exit',
      vcpu_id: 3,
      reason: 'PF excp',
      rip: -0x7eff_f007,
      info1: { low: 0x182, high: -0x8000_0000 },
      info2: { low: -0x7eff_f008, high: -1 },
      intr_info: 0,
      error_code: 0,
    });
  });

  it('without a reason is an error: the kernel always prints one', () => {
    expect(errorsOf(exit('', '10000'))).toMatchObject([{ expected: 'the name of an exit reason' }]);
  });
});

describe('kvm_entry', () => {
  it('is also read when KVM asks for an immediate exit', () => {
    const { events, summary } = parseLines(
      lineOf('kvm_entry: vcpu 1, rip 0x10000[immediate exit]'),
    );
    expect(events[0]?.body).toEqual({ event: 'kvm_entry', vcpu_id: 1, rip: 0x1_0000 });
    expect(summary.unknownColumns).toEqual({});
  });
});

describe('kvm_mmu_set_spte', () => {
  it.each(['rwxu', 'r-xu', 'rwx-', 'rwx', 'wxu'])(
    'does not depend on the rights (%s)',
    (rights) => {
      const line = `kvm_mmu_set_spte: gfn 10008 spte 133a88825 (${rights}) level 1 at 103c43040`;
      expect(bodyOf(line)).toMatchObject({ gfn: 0x1_0008, spte: { low: 0x33a8_8825, high: 1 } });
    },
  );
});

describe('kvm_unmap_hva_range', () => {
  it('has its end behind its start even at the top of the address space', () => {
    const line =
      'kvm_unmap_hva_range: mmu notifier unmap range: 0x007fc715b32000 -- 0xffffffffffffffff';
    expect(bodyOf(line)).toMatchObject({ start: 0x7fc7_15b3_2000, end: 2 ** 64 });
  });
});

describe('ksm_merge_with_ksm_page', () => {
  it.each(['', 'ksm '])('is the event of the running KSM, with "%s" before the pfn', (before) => {
    const line = `ksm_merge_with_ksm_page: ${before}pfn 1130641 rmap_item ffff888111cdd380 mm ffff888102417900 error -14`;
    expect(bodyOf(line)).toEqual({ event: 'ksm_merge_with_ksm_page', pfn: 1_130_641, error: -14 });
  });

  it('is alike for ksm_merge_one_page', () => {
    const line =
      'ksm_merge_one_page: ksm pfn 5 rmap_item ffff888111cdd380 mm ffff888102417900 error 0';
    expect(bodyOf(line)).toEqual({ event: 'ksm_merge_one_page', pfn: 5, error: 0 });
  });
});

describe('ksm_advisor', () => {
  it('is read', () => {
    expect(bodyOf('ksm_advisor: ksm scan time 20 pages_to_scan 500 cpu percent 3')).toEqual({
      event: 'ksm_advisor',
      scan_time: 20,
      pages_to_scan: 500,
      cpu_percent: 3,
    });
  });
});

describe("exits in the words of libtraceevent's plugin", () => {
  it.each([
    ['EXIT_NPF', 'npf'],
    ['EXIT_EXCP_PF', 'PF excp'],
    ['EXIT_READ_CR3', 'read_cr3'],
    ['EXIT_IOIO', 'io'],
    ['EXIT_VMMCALL', 'hypercall'],
    ['EPT_VIOLATION', 'EPT_VIOLATION'],
    ['UNKNOWN (14)', 'UNKNOWN (14)'],
  ])('have the name that the kernel gives: %s', (reason, name) => {
    expect(bodyOf(`kvm_exit:             reason ${reason} rip 0x10 info 0 0`)).toMatchObject({
      reason: name,
    });
  });
});

describe("what trace-cmd and perf print otherwise than the kernel, by C's rules and by their plugin", () => {
  const FAULT = 'fast_page_fault: vcpu 0 gva 1000 error_code P|W|U sptep';

  it.each([
    [
      `${FAULT} (nil) old 0 new 0 spurious 0 fixed 0`,
      `${FAULT} 0 old 0x0 new 0 spurious 0 fixed 0`,
    ],
    [
      'kvm_unmap_hva_range:  mmu notifier unmap range: 0000000000000000 -- 0x00000000001000',
      'kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000000000 -- 0x00000000001000',
    ],
    [
      'kvm_test_age_hva:     mmu notifier test age hva: 0000000000000000',
      'kvm_test_age_hva: mmu notifier test age hva: 0x00000000000000',
    ],
    ['kvm_try_async_get_page: gva = 0x2, gfn = 0', 'kvm_try_async_get_page: gva = 0x2, gfn = 0x0'],
    [
      'kvm_nested_vmexit:    <CANT FIND FIELD rip>vcpu 0 reason npf rip 0x2 info1 0x0 info2 0x2 intr_info 0x2 error_code 0x3',
      'kvm_nested_vmexit: vcpu 0 reason npf rip 0x2 info1 0x0 info2 0x2 intr_info 0x2 error_code 0x3',
    ],
    [
      'kvm_nested_vmexit_inject: reason EXIT_NPF info1 7e5 info2 12 int_info a6 int_info_err 1',
      'kvm_nested_vmexit_inject: reason: npf ext_inf1: 0x7e5 ext_inf2: 0x12 ext_int: 0xa6 ext_int_err: 0x1',
    ],
    [
      'kvm_update_master_clock: masterclock 1 hostclock 0x1 offsetmatched 1',
      'kvm_update_master_clock: masterclock 1 hostclock tsc offsetmatched 1',
    ],
  ])('is the same event: %s', (theirs, kernels) => {
    expect(bodyOf(theirs)).toEqual(bodyOf(kernels));
    expect(bodyOf(theirs)).toBeDefined();
  });
});

describe('an event of which libtraceevent could not print the text', () => {
  it.each([...decoders.keys()])('is never taken for something else: %s', (name) => {
    const { events } = parseLines(lineOf(`${name}: [FAILED TO PARSE] some=1 field=2`));
    expect(events).toEqual([]);
  });

  it('is read by its fields where they are known', () => {
    const fields = 'exception=14 has_error=1 error_code=3 reinjected=0';
    expect(bodyOf(`kvm_inj_exception:    [FAILED TO PARSE] ${fields}`)).toEqual(
      bodyOf('kvm_inj_exception: #PF (0x3)'),
    );
  });
});
