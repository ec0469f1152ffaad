// The race of the 2012 review as kernels recorded it: lines of three traces, with the memslot that the guest's memory lies in.

/** Another vCPU breaks copy-on-write of a page that both use (6.12, TDP MMU). */
export const OF_A_VCPU: readonly string[] = [
  'kvmw-224     [002] .....    32.058708: tracing_mark_write: {"ev":"memslot","at":"end","op":"create","slot":1,"gpa":"0x10000000","size":2097152,"hva":"0x7f66b1400000","flags":0,"errno":0}',
  'vcpu2-229     [003] d..1.    33.185007: kvm_entry: vcpu 2, rip 0x102d3',
  'vcpu3-230     [002] .....    33.185018: kvm_unmap_hva_range: mmu notifier unmap range: 0x007f66b1406000 -- 0x007f66b1407000',
  'vcpu2-229     [003] d..1.    33.185056: kvm_exit: vcpu 2 reason npf rip 0x102d6 info1 0x0000000100000007 info2 0x0000000010006d40 intr_info 0x00000000 error_code 0x00000000',
  'vcpu3-230     [002] ...1.    33.185057: kvm_tdp_mmu_spte_changed: as id 0 gfn 10006 level 1 old_spte 133a82825 new_spte 8000000000000000',
  'vcpu2-229     [003] .....    33.185067: kvm_page_fault: vcpu 2 rip 0x102d6 address 0x0000000010006d40 error_code 0x100000007',
  'vcpu2-229     [003] .....    33.185080: fast_page_fault: vcpu 2 gva 10006d40 error_code P|W|U|0x100000000 sptep ffff888103c43030 old 0x8000000000000000 new 8000000000000000 spurious 0 fixed 0',
  'vcpu2-229     [003] d..1.    33.185096: kvm_entry: vcpu 2, rip 0x102d6',
];

/** ksmd merges a page that the fast path could have made writable: the race of the 2012 review (6.1, TDP MMU; its text lost what %s prints). */
export const OF_KSMD: readonly string[] = [
  'kvmw-363     [000] .....    96.568861: tracing_mark_write: {"ev":"memslot","at":"end","op":"create","slot":1,"gpa":"0x10000000","size":16777216,"hva":"0x7ffa6bc00000","flags":0,"errno":0}',
  'vcpu0-367     [000] d..1.    99.222818: kvm_entry: vcpu 0, rip 0x109db',
  'ksmd-40      [001] .....    99.222836: kvm_unmap_hva_range: mmu notifier unmap range: 0x007ffa6beb4000 -- 0x007ffa6beb5000',
  'ksmd-40      [001] ...1.    99.222839: kvm_tdp_mmu_spte_changed: as id 0 gfn 102b4 level 1 old_spte 113a45e65 new_spte 0',
  'vcpu0-367     [000] .....    99.222839: kvm_exit: vcpu 0 reason  rip 0x109db info1 0x0000000100000007 info2 0x00000000102b4c00 intr_info 0x00000000 error_code 0x00000000',
  'vcpu0-367     [000] .....    99.222842: kvm_page_fault: vcpu 0 rip 0x109db address 0x00000000102b4c00 error_code 0x100000007',
  'vcpu0-367     [000] .....    99.222899: fast_page_fault: vcpu 0 gva 102b4c00 error_code  sptep ffff888102cbb5a0 old 0x0 new 0 spurious 0 fixed 0',
  'vcpu0-367     [000] d..1.    99.254785: kvm_entry: vcpu 0, rip 0x109db',
];

/** The VMM forks (6.12, legacy MMU, which tells of no zap). */
export const OF_FORK: readonly string[] = [
  'kvmw-414     [000] .....   120.395035: tracing_mark_write: {"ev":"memslot","at":"end","op":"create","slot":1,"gpa":"0x10000000","size":16777216,"hva":"0x7fc196000000","flags":0,"errno":0}',
  'vcpu0-417     [002] d..1.   121.163986: kvm_entry: vcpu 0, rip 0x1048a',
  'vcpu0-417     [002] d..1.   121.164004: kvm_exit: vcpu 0 reason npf rip 0x1048a info1 0x0000000100000007 info2 0x0000000010211dc8 intr_info 0x00000000 error_code 0x00000000',
  'kvmw-414     [000] .....   121.166048: kvm_unmap_hva_range: mmu notifier unmap range: 0x007fc196000000 -- 0x007fc197000000',
  'vcpu0-417     [002] .....   121.176180: kvm_page_fault: vcpu 0 rip 0x1048a address 0x0000000010211dc8 error_code 0x100000007',
  'vcpu0-417     [002] d....   121.176201: fast_page_fault: vcpu 0 gva 10211dc8 error_code P|W|U|0x100000000 sptep ffff888131bfd088 old 0x8000000000000000 new 8000000000000000 spurious 0 fixed 0',
  'vcpu0-417     [002] d..1.   121.176226: kvm_entry: vcpu 0, rip 0x1048a',
];
