// Lines of real traces, of unmodified kernels 6.1 and 6.12 with KVM on AMD: one or a few for every event and outcome seen.

/** Events that the reader decodes. */
export const DECODED_LINES: readonly string[] = [
  // fast_page_fault FIXED
  'vcpu0-177     [002] .....     8.652615: fast_page_fault: vcpu 0 gva 1028dfa8 error_code P|W|U|0x100000000 sptep ffff888103476468 old 0x102db8e65 new 102db8e67 spurious 0 fixed 1',
  'vcpu0-227     [000] .....    32.113099: fast_page_fault: vcpu 0 gva 10170338 error_code P|W|U|0x100000000 sptep ffff888103c43b80 old 0x133920e65 new 133920e67 spurious 0 fixed 1',
  'vcpu1-369     [002] .....    73.435700: fast_page_fault: vcpu 1 gva 101911f0 error_code P|W|U sptep ffff888102c6fc88 old 0x10e94be65 new 10e94be67 spurious 0 fixed 1',
  // fast_page_fault FIXED (already re-protected when traced)
  'vcpu0-330     [000] .....   118.192960: fast_page_fault: vcpu 0 gva 106de718 error_code P|W|U|0x100000000 sptep ffff888101bac6f0 old 0x125ac9e65 new 125ac9e65 spurious 0 fixed 1',
  'vcpu1-126     [000] .....     8.669613: fast_page_fault: vcpu 1 gva 117982b0 error_code P|W|U sptep ffff888102d9ecc0 old 0x10b921e65 new 10b921e65 spurious 0 fixed 1',
  'vcpu0-170     [002] d....     9.734247: fast_page_fault: vcpu 0 gva 109d84d0 error_code P|W|U|0x100000000 sptep ffff88813269cec0 old 0x133dc0e65 new 133dc0e65 spurious 0 fixed 1',
  // fast_page_fault NEITHER
  'vcpu3-230     [002] .....    32.189130: fast_page_fault: vcpu 3 gva 10008f48 error_code P|W|U|0x100000000 sptep ffff888103c43040 old 0x133a88825 new 133a88825 spurious 0 fixed 0',
  'vcpu1-369     [002] .....    73.435762: fast_page_fault: vcpu 1 gva 1003a188 error_code P|W|U sptep ffff888102c6f1d0 old 0x10c72d825 new 10c72d825 spurious 0 fixed 0',
  'vcpu0-482     [000] .....   249.029845: fast_page_fault: vcpu 0 gva 1045d858 error_code P|W|U|0x100000000 sptep ffff8881032622e8 old 0x12478d825 new 12478d825 spurious 0 fixed 0',
  // fast_page_fault NEITHER (spte already zapped)
  'vcpu2-229     [003] .....    33.185080: fast_page_fault: vcpu 2 gva 10006d40 error_code P|W|U|0x100000000 sptep ffff888103c43030 old 0x8000000000000000 new 8000000000000000 spurious 0 fixed 0',
  'vcpu0-160     [001] d....    15.906441: fast_page_fault: vcpu 0 gva 12c00b98 error_code P|W|U sptep ffff888119e1d4b0 old 0x0 new 0 spurious 0 fixed 0',
  // fast_page_fault SPURIOUS
  'vcpu0-177     [002] .....     9.221684: fast_page_fault: vcpu 0 gva 119aef18 error_code P|W|U|0x100000000 sptep ffff888103413d70 old 0x123222e67 new 123222e67 spurious 1 fixed 0',
  'vcpu1-228     [001] .....    32.137343: fast_page_fault: vcpu 1 gva 10172290 error_code P|W|U|0x100000000 sptep ffff888103c43b90 old 0x13391ee67 new 13391ee67 spurious 1 fixed 0',
  'vcpu1-216     [002] .....    28.344207: fast_page_fault: vcpu 1 gva 1226ef88 error_code P|W|U|0x100000000 sptep ffff888101b30370 old 0x124c6ee67 new 124c6ee67 spurious 1 fixed 0',
  // ksm_enter
  'kvmw-224     [002] .....    32.104160: ksm_enter: mm ffff88810398f900',
  'kvmw-403     [002] .N...   180.945960: ksm_enter: mm ffff888101a34780',
  // ksm_exit
  'kvmw-224     [001] .....    34.625943: ksm_exit: mm ffff88810398f900',
  // ksm_merge_with_ksm_page
  'ksmd-54      [003] .....    32.186154: ksm_merge_with_ksm_page: pfn 1260168 rmap_item ffff888100a99640 mm ffff88810398f900 error 0',
  'ksmd-47      [002] .....   181.135958: ksm_merge_with_ksm_page: pfn 1198260 rmap_item ffff8881032dab80 mm ffff888101a34780 error 0',
  // ksm_remove_ksm_page
  'ksmd-54      [003] .....    32.408924: ksm_remove_ksm_page: pfn 1260168',
  'ksmd-47      [002] .....   182.954056: ksm_remove_ksm_page: pfn 1198256',
  // ksm_remove_rmap_item
  'ksmd-54      [003] .N...    32.396143: ksm_remove_rmap_item: pfn 1260168 rmap_item ffff888100a99640 mm ffff88810398f900',
  'ksmd-47      [002] .....   182.953905: ksm_remove_rmap_item: pfn 1198256 rmap_item ffff888100d73c80 mm ffff888101a34780',
  // ksm_start_scan
  'ksmd-54      [003] .....    32.108138: ksm_start_scan: seq 0 rmap size 0',
  'ksmd-47      [002] .....   180.946499: ksm_start_scan: seq 0 rmap size 0',
  // ksm_stop_scan
  'ksmd-54      [003] .....    32.135874: ksm_stop_scan: seq 0 rmap size 512',
  'ksmd-47      [002] .....   181.088673: ksm_stop_scan: seq 0 rmap size 4096',
  // kvm_entry
  'vcpu0-177     [002] d..1.     7.986936: kvm_entry: vcpu 0, rip 0x10000',
  'vcpu0-227     [000] d..1.    32.074847: kvm_entry: vcpu 0, rip 0x10000',
  'vcpu1-369     [002] d..1.    72.506997: kvm_entry: vcpu 1, rip 0x10000',
  // kvm_exit PF
  'vcpu1-512     [000] d..1.   171.226025: kvm_exit: vcpu 1 reason PF excp rip 0x10000 info1 0x0000000000000010 info2 0x0000000000010000 intr_info 0x00000000 error_code 0x00000000',
  'vcpu1-471     [001] d..1.   157.559161: kvm_exit: vcpu 1 reason PF excp rip 0x18000 info1 0x0000000000000010 info2 0x0000000000018000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit hypercall
  'vcpu0-680     [002] d..1.   388.717370: kvm_exit: vcpu 0 reason hypercall rip 0x10148 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit interrupt
  'vcpu1-178     [001] d..1.     8.003979: kvm_exit: vcpu 1 reason interrupt rip 0x102fb info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  'vcpu0-227     [000] d..1.    32.076417: kvm_exit: vcpu 0 reason interrupt rip 0x1036a info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  'vcpu1-369     [002] .....    72.512259: kvm_exit: vcpu 1 reason interrupt rip 0x10317 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit invlpg
  'vcpu0-511     [001] d..1.   171.505298: kvm_exit: vcpu 0 reason invlpg rip 0x10264 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit io
  'vcpu0-177     [002] d..1.     8.496612: kvm_exit: vcpu 0 reason io rip 0x10280 info1 0x0000000000100040 info2 0x0000000000010282 intr_info 0x00000000 error_code 0x00000000',
  'vcpu0-227     [000] d..1.    32.099384: kvm_exit: vcpu 0 reason io rip 0x10280 info1 0x0000000000100040 info2 0x0000000000010282 intr_info 0x00000000 error_code 0x00000000',
  'vcpu1-369     [002] .....    72.701017: kvm_exit: vcpu 1 reason io rip 0x10280 info1 0x0000000000100040 info2 0x0000000000010282 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit msr
  'vcpu0-680     [002] d..1.   388.710750: kvm_exit: vcpu 0 reason msr rip 0x1059f info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit npf
  'vcpu0-177     [002] d..1.     7.987423: kvm_exit: vcpu 0 reason npf rip 0x10000 info1 0x0000000200000006 info2 0x0000000000100000 intr_info 0x00000000 error_code 0x00000000',
  'vcpu0-227     [000] d..1.    32.074921: kvm_exit: vcpu 0 reason npf rip 0x10000 info1 0x0000000200000006 info2 0x0000000000100000 intr_info 0x00000000 error_code 0x00000000',
  'vcpu1-369     [002] .....    72.507083: kvm_exit: vcpu 1 reason npf rip 0x10000 info1 0x0000000200000006 info2 0x0000000000100000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit read_cr3
  'vcpu1-512     [000] d..1.   171.496153: kvm_exit: vcpu 1 reason read_cr3 rip 0x10090 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit read_cr4
  'vcpu0-680     [002] d..1.   388.711760: kvm_exit: vcpu 0 reason read_cr4 rip 0x107e7 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit vmload
  'vcpu0-680     [002] d..1.   388.712476: kvm_exit: vcpu 0 reason vmload rip 0x108ae info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit vmrun
  'vcpu0-680     [002] d..1.   388.712878: kvm_exit: vcpu 0 reason vmrun rip 0x108b1 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit vmsave
  'vcpu0-680     [002] d..1.   388.717935: kvm_exit: vcpu 0 reason vmsave rip 0x108b4 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_exit write_cr3
  'vcpu0-511     [001] d..1.   171.787019: kvm_exit: vcpu 0 reason write_cr3 rip 0x10278 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_mmu_set_spte L1 r-x-
  'vcpu1-512     [000] ...1.   172.149472: kvm_mmu_set_spte: gfn 80010 spte 123810a01 (r-x-) level 1 at 1019bb080',
  // kvm_mmu_set_spte L1 r-xu
  'vcpu1-228     [001] ...1.    32.188974: kvm_mmu_set_spte: gfn 10008 spte 133a88825 (r-xu) level 1 at 103c43040',
  'vcpu1-369     [002] ...1.    73.043165: kvm_mmu_set_spte: gfn 10008 spte 10b658825 (r-xu) level 1 at 102c6f040',
  'vcpu0-482     [000] ...1.   248.701490: kvm_mmu_set_spte: gfn 10 spte 123355825 (r-xu) level 1 at 101b83080',
  // kvm_mmu_set_spte L1 rwx-
  'vcpu0-511     [001] ...1.   172.131136: kvm_mmu_set_spte: gfn 800c3 spte 1238c3e63 (rwx-) level 1 at 1019bb618',
  // kvm_mmu_set_spte L1 rwxu
  'vcpu0-177     [002] ...1.     7.993818: kvm_mmu_set_spte: gfn 100 spte 102c9be67 (rwxu) level 1 at 103478800',
  'vcpu0-227     [000] ...1.    32.075098: kvm_mmu_set_spte: gfn 100 spte 133aabe67 (rwxu) level 1 at 100e04800',
  'vcpu1-369     [002] ...1.    72.507235: kvm_mmu_set_spte: gfn 100 spte 10ba05e67 (rwxu) level 1 at 102bbd800',
  // kvm_mmu_set_spte L2 rwxu
  'vcpu0-482     [001] ...1.   251.753716: kvm_mmu_set_spte: gfn 10000 spte 123000ee7 (rwxu) level 2 at 1030cf400',
  'vcpu1-216     [002] .N.1.    27.404958: kvm_mmu_set_spte: gfn 12000 spte 123a00ee7 (rwxu) level 2 at 10142e480',
  'vcpu0-511     [001] ...1.   172.109362: kvm_mmu_set_spte: gfn 80000 spte 123800ee7 (rwxu) level 2 at 101828000',
  // kvm_mmu_spte_requested
  'vcpu0-177     [002] ...1.     7.992966: kvm_mmu_spte_requested: gfn 100 pfn 102c9b level 1',
  'vcpu0-227     [000] ...1.    32.075026: kvm_mmu_spte_requested: gfn 100 pfn 133aab level 1',
  'vcpu1-369     [002] ...1.    72.507163: kvm_mmu_spte_requested: gfn 100 pfn 10ba05 level 1',
  // kvm_page_fault 0x0
  'vcpu0-511     [001] .....   171.504735: kvm_page_fault: vcpu 0 rip 0x100ba address 0x0000000000100000 error_code 0x0',
  // kvm_page_fault 0x10
  'vcpu1-512     [000] .....   171.226060: kvm_page_fault: vcpu 1 rip 0x10000 address 0x0000000000010000 error_code 0x10',
  'vcpu0-470     [000] .....   157.559806: kvm_page_fault: vcpu 0 rip 0x18000 address 0x0000000000018000 error_code 0x10',
  // kvm_page_fault 0x100000004
  'vcpu0-227     [000] .....    32.075529: kvm_page_fault: vcpu 0 rip 0x1036a address 0x0000000010000000 error_code 0x100000004',
  'vcpu1-369     [002] .....    72.507605: kvm_page_fault: vcpu 1 rip 0x10317 address 0x0000000010800000 error_code 0x100000004',
  'vcpu1-523     [000] .....   273.329311: kvm_page_fault: vcpu 1 rip 0x103e3 address 0x00000000d0009000 error_code 0x100000004',
  // kvm_page_fault 0x100000006
  'vcpu0-177     [002] .....     7.994472: kvm_page_fault: vcpu 0 rip 0x10210 address 0x0000000000083fb8 error_code 0x100000006',
  'vcpu0-227     [000] .....    32.075321: kvm_page_fault: vcpu 0 rip 0x10210 address 0x0000000000083fb8 error_code 0x100000006',
  'vcpu1-369     [002] .....    72.507436: kvm_page_fault: vcpu 1 rip 0x10210 address 0x0000000000087fb8 error_code 0x100000006',
  // kvm_page_fault 0x100000007
  'vcpu0-177     [002] .....     8.652208: kvm_page_fault: vcpu 0 rip 0x10492 address 0x000000001028dfa8 error_code 0x100000007',
  'vcpu0-227     [000] .....    32.113053: kvm_page_fault: vcpu 0 rip 0x102d6 address 0x0000000010170338 error_code 0x100000007',
  'vcpu1-369     [002] .....    73.435654: kvm_page_fault: vcpu 1 rip 0x109db address 0x00000000101911f0 error_code 0x100000007',
  // kvm_page_fault 0x10000000c
  'vcpu1-523     [000] .....   273.313246: kvm_page_fault: vcpu 1 rip 0x1031b address 0x00000000d0010000 error_code 0x10000000c',
  'vcpu1-483     [002] .....   253.461663: kvm_page_fault: vcpu 1 rip 0x104f0 address 0x000000005818c228 error_code 0x10000000c',
  // kvm_page_fault 0x10000000e
  'vcpu0-522     [001] .....   273.266484: kvm_page_fault: vcpu 0 rip 0x10409 address 0x00000000d0000000 error_code 0x10000000e',
  'vcpu1-483     [002] .....   253.463405: kvm_page_fault: vcpu 1 rip 0x10492 address 0x00000000582d5860 error_code 0x10000000e',
  // kvm_page_fault 0x100000014
  'vcpu0-177     [002] .....     7.994408: kvm_page_fault: vcpu 0 rip 0x10000 address 0x0000000000010000 error_code 0x100000014',
  'vcpu0-227     [000] .....    32.075236: kvm_page_fault: vcpu 0 rip 0x10000 address 0x0000000000010000 error_code 0x100000014',
  'vcpu1-369     [002] .....    72.507366: kvm_page_fault: vcpu 1 rip 0x10000 address 0x0000000000010000 error_code 0x100000014',
  // kvm_page_fault 0x2
  'vcpu1-512     [000] .....   171.227244: kvm_page_fault: vcpu 1 rip 0x10210 address 0x0000000000087fb8 error_code 0x2',
  'vcpu0-470     [000] .....   157.561967: kvm_page_fault: vcpu 0 rip 0x18000 address 0x0000000000083fbc error_code 0x2',
  // kvm_page_fault 0x200000006
  'vcpu0-177     [002] .....     7.987728: kvm_page_fault: vcpu 0 rip 0x10000 address 0x0000000000100000 error_code 0x200000006',
  'vcpu0-227     [000] .....    32.074951: kvm_page_fault: vcpu 0 rip 0x10000 address 0x0000000000100000 error_code 0x200000006',
  'vcpu1-369     [002] .....    72.507104: kvm_page_fault: vcpu 1 rip 0x10000 address 0x0000000000100000 error_code 0x200000006',
  // kvm_page_fault 0x200000007
  'vcpu1-178     [001] .....     8.693194: kvm_page_fault: vcpu 1 rip 0x10492 address 0x0000000000100000 error_code 0x200000007',
  'vcpu1-216     [002] .....    27.828663: kvm_page_fault: vcpu 1 rip 0x10000 address 0x0000000000100000 error_code 0x200000007',
  'vcpu0-330     [000] .....   117.777839: kvm_page_fault: vcpu 0 rip 0x10492 address 0x0000000000100000 error_code 0x200000007',
  // kvm_page_fault 0x3
  'vcpu1-512     [000] .....   171.519653: kvm_page_fault: vcpu 1 rip 0x1025c address 0x0000000000202000 error_code 0x3',
  'vcpu1-471     [001] .....   158.594543: kvm_page_fault: vcpu 1 rip 0x18188 address 0x0000000010ba8294 error_code 0x3',
  // kvm_tdp_mmu_spte_changed L1 mmio/other->frozen
  'kvmw-519     [001] ...1.   273.409652: kvm_tdp_mmu_spte_changed: as id 0 gfn d0000 level 1 old_spte 80000d0000027 new_spte 80000000000005a0',
  'kvmw-479     [000] ...1.   253.502998: kvm_tdp_mmu_spte_changed: as id 0 gfn 58001 level 1 old_spte 8000058001097 new_spte 80000000000005a0',
  // kvm_tdp_mmu_spte_changed L1 mmio/other->mmio/other
  'vcpu0-522     [001] ...1.   273.367657: kvm_tdp_mmu_spte_changed: as id 0 gfn d0010 level 1 old_spte 80000d0010027 new_spte 80000d0010037',
  'vcpu0-482     [001] ...1.   253.549556: kvm_tdp_mmu_spte_changed: as id 0 gfn 501b7 level 1 old_spte 80000501b70a7 new_spte 80000501b70b7',
  // kvm_tdp_mmu_spte_changed L1 mmio/other->ro
  'vcpu0-482     [001] ...1.   253.757503: kvm_tdp_mmu_spte_changed: as id 0 gfn 50355 level 1 old_spte 8000050355107 new_spte 3738825',
  // kvm_tdp_mmu_spte_changed L1 mmio/other->rw
  'vcpu0-522     [002] ...1.   273.387394: kvm_tdp_mmu_spte_changed: as id 0 gfn d0010 level 1 old_spte 80000d0010037 new_spte 111891e27',
  'vcpu0-482     [001] ...1.   254.046214: kvm_tdp_mmu_spte_changed: as id 0 gfn 6007a level 1 old_spte 800006007a167 new_spte 125b5fe27',
  // kvm_tdp_mmu_spte_changed L1 none->frozen
  'kvmw-174     [000] ...1.     9.927390: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 1 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-224     [001] ...1.    34.497753: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 1 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-364     [002] ...1.    85.356572: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 1 old_spte 0 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L1 none->mmio/other
  'vcpu0-522     [001] ...1.   273.265939: kvm_tdp_mmu_spte_changed: as id 0 gfn d0000 level 1 old_spte 8000000000000000 new_spte 80000d0000027',
  'vcpu1-483     [002] ...1.   253.438879: kvm_tdp_mmu_spte_changed: as id 0 gfn 58281 level 1 old_spte 8000000000000000 new_spte 8000058281097',
  // kvm_tdp_mmu_spte_changed L1 none->ro
  'vcpu1-228     [001] ...1.    32.188964: kvm_tdp_mmu_spte_changed: as id 0 gfn 10008 level 1 old_spte 8000000000000000 new_spte 133a88825',
  'vcpu1-369     [002] ...1.    73.043155: kvm_tdp_mmu_spte_changed: as id 0 gfn 10008 level 1 old_spte 0 new_spte 10b658825',
  'vcpu0-482     [000] ...1.   248.701489: kvm_tdp_mmu_spte_changed: as id 0 gfn 10 level 1 old_spte 8000000000000000 new_spte 123355825',
  // kvm_tdp_mmu_spte_changed L1 none->rw
  'vcpu0-177     [002] ...1.     7.993722: kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 1 old_spte 8000000000000000 new_spte 102c9be67',
  'vcpu0-227     [000] ...1.    32.075085: kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 1 old_spte 8000000000000000 new_spte 133aabe67',
  'vcpu1-369     [002] ...1.    72.507223: kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 1 old_spte 0 new_spte 10ba05e67',
  // kvm_tdp_mmu_spte_changed L1 ro->frozen
  'kvmw-364     [002] ...1.    85.357089: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 1 old_spte 10e7dbe65 new_spte 5a0',
  'kvmw-212     [000] ...1.    28.861376: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 1 old_spte 122e00e65 new_spte 80000000000005a0',
  'kvmw-121     [001] ...1.     8.809390: kvm_tdp_mmu_spte_changed: as id 0 gfn 10 level 1 old_spte 1025ece65 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L1 ro->none
  'kvmw-174     [000] ...1.     9.918280: kvm_tdp_mmu_spte_changed: as id 0 gfn 10 level 1 old_spte 102c98e65 new_spte 8000000000000000',
  'ksmd-54      [003] ...1.    32.151868: kvm_tdp_mmu_spte_changed: as id 0 gfn 10008 level 1 old_spte 133a88e65 new_spte 8000000000000000',
  'ksmd-40      [001] ...1.    72.840635: kvm_tdp_mmu_spte_changed: as id 0 gfn 10008 level 1 old_spte 10b658e65 new_spte 0',
  // kvm_tdp_mmu_spte_changed L1 ro->ro
  'kdamond.0-177     [002] ...2.     6.080737: kvm_tdp_mmu_spte_changed: as id 0 gfn 10010 level 1 old_spte 1027f2e65 new_spte 1027f2e45',
  // kvm_tdp_mmu_spte_changed L1 ro->rw
  'vcpu3-230     [002] ...1.    33.132273: kvm_tdp_mmu_spte_changed: as id 0 gfn 1000e level 1 old_spte 133a84e65 new_spte 133a84e67',
  'vcpu0-482     [000] ...1.   249.215938: kvm_tdp_mmu_spte_changed: as id 0 gfn 10dc2 level 1 old_spte 1245ce825 new_spte 1245cee67',
  'vcpu0-406     [000] ...1.   189.475672: kvm_tdp_mmu_spte_changed: as id 0 gfn 105f9 level 1 old_spte 110a1d825 new_spte 110a1de67',
  // kvm_tdp_mmu_spte_changed L1 rw->frozen
  'kvmw-364     [002] ...1.    85.356586: kvm_tdp_mmu_spte_changed: as id 0 gfn 10 level 1 old_spte 10ba1fe67 new_spte 5a0',
  'kvmw-121     [001] ...1.     8.809630: kvm_tdp_mmu_spte_changed: as id 0 gfn 83 level 1 old_spte 1025fde67 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L1 rw->none
  'kvmw-174     [000] ...1.     9.918349: kvm_tdp_mmu_spte_changed: as id 0 gfn 83 level 1 old_spte 102c4de67 new_spte 8000000000000000',
  'ksmd-54      [001] .N.1.    32.476104: kvm_tdp_mmu_spte_changed: as id 0 gfn 1000b level 1 old_spte 133a85e67 new_spte 8000000000000000',
  'ksmd-40      [001] ...1.    73.764063: kvm_tdp_mmu_spte_changed: as id 0 gfn 1025c level 1 old_spte 10c6f6e67 new_spte 0',
  // kvm_tdp_mmu_spte_changed L1 rw->ro
  'kvmw-174     [000] ...1.     8.648457: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 1 old_spte 102c5be67 new_spte 102c5be65',
  'kvmw-224     [002] ...1.    32.106215: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 1 old_spte 133a90e67 new_spte 133a90e65',
  'kvmw-364     [000] ...1.    72.732996: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 1 old_spte 10b655e67 new_spte 10b655e65',
  // kvm_tdp_mmu_spte_changed L1 rw->rw
  'vcpu1-178     [001] ...1.     7.996232: kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 1 old_spte 102c9be67 new_spte 102c9be27',
  'vcpu1-228     [001] ...1.    32.203361: kvm_tdp_mmu_spte_changed: as id 0 gfn 10008 level 1 old_spte 13388fe67 new_spte 13388fe27',
  'vcpu0-368     [000] ...1.    75.214677: kvm_tdp_mmu_spte_changed: as id 0 gfn 102a8 level 1 old_spte 10e724e67 new_spte 10e724e27',
  // kvm_tdp_mmu_spte_changed L2 huge-rw->huge-rw
  'vcpu1-172     [000] ...1.     8.152281: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 113800ee7 new_spte 113800ea7',
  // kvm_tdp_mmu_spte_changed L2 huge-rw->none
  'kvmw-479     [000] ...1.   251.960311: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 123000ee7 new_spte 8000000000000000',
  'kvmw-212     [000] ...1.    28.974741: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 122e00ee7 new_spte 8000000000000000',
  'kvmw-168     [001] ...1.     8.298708: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 113800ee7 new_spte 8000000000000000',
  // kvm_tdp_mmu_spte_changed L2 huge-rw->rw
  'kvmw-212     [000] ...1.    27.772455: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 122e00ee7 new_spte 1030d4827',
  // kvm_tdp_mmu_spte_changed L2 none->frozen
  'kvmw-174     [000] ...1.     9.938287: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-224     [001] ...1.    34.498539: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-364     [002] ...1.    85.356993: kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 2 old_spte 0 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L2 none->huge-rw
  'vcpu1-216     [002] .N.1.    27.404950: kvm_tdp_mmu_spte_changed: as id 0 gfn 12000 level 2 old_spte 8000000000000000 new_spte 123a00ee7',
  'vcpu1-172     [000] ...1.     8.307171: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 8000000000000000 new_spte 113800ee7',
  // kvm_tdp_mmu_spte_changed L2 none->rw
  'vcpu0-177     [002] ...1.     7.993482: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 8000000000000000 new_spte 103478827',
  'vcpu0-227     [000] ...1.    32.075072: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 8000000000000000 new_spte 100e04827',
  'vcpu1-369     [002] ...1.    72.507210: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 0 new_spte 102bbd827',
  // kvm_tdp_mmu_spte_changed L2 rw->frozen
  'kvmw-364     [002] ...1.    85.356568: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 102bbd827 new_spte 5a0',
  'kvmw-121     [001] ...1.     8.809328: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 102d9a827 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L2 rw->huge-rw
  'vcpu0-482     [001] ...1.   251.746513: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 101b46827 new_spte 123000ee7',
  'vcpu0-171     [002] ...1.     8.150614: kvm_tdp_mmu_spte_changed: as id 0 gfn 10000 level 2 old_spte 1120e7827 new_spte 113800ee7',
  // kvm_tdp_mmu_spte_changed L2 rw->none
  'kvmw-174     [000] ...1.     9.927168: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 103478827 new_spte 8000000000000000',
  'kvmw-224     [001] ...1.    34.497701: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 100e04827 new_spte 8000000000000000',
  'kvmw-519     [001] ...1.   273.407480: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 2 old_spte 103147827 new_spte 8000000000000000',
  // kvm_tdp_mmu_spte_changed L3 none->frozen
  'kvmw-174     [000] ...1.     9.938678: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-224     [001] ...1.    34.498927: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 8000000000000000 new_spte 80000000000005a0',
  'kvmw-364     [002] ...1.    85.362208: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 0 new_spte 5a0',
  // kvm_tdp_mmu_spte_changed L3 none->rw
  'vcpu0-177     [002] ...1.     7.993478: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 8000000000000000 new_spte 103479827',
  'vcpu0-227     [000] ...1.    32.075069: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 8000000000000000 new_spte 10391e827',
  'vcpu1-369     [002] ...1.    72.507207: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 0 new_spte 102bbe827',
  // kvm_tdp_mmu_spte_changed L3 rw->none
  'kvmw-174     [000] ...1.     9.938285: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 103479827 new_spte 8000000000000000',
  'kvmw-224     [001] ...1.    34.498537: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 10391e827 new_spte 8000000000000000',
  'kvmw-364     [002] ...1.    85.356510: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 102bbe827 new_spte 0',
  // kvm_tdp_mmu_spte_changed L4 none->rw
  'vcpu0-177     [002] ...1.     7.993289: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 8000000000000000 new_spte 10347a827',
  'vcpu0-227     [000] ...1.    32.075054: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 8000000000000000 new_spte 103a46827',
  'vcpu1-369     [002] ...1.    72.507189: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 0 new_spte 102bbf827',
  // kvm_tdp_mmu_spte_changed L4 rw->none
  'kvmw-174     [000] ...1.     9.938676: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 10347a827 new_spte 8000000000000000',
  'kvmw-224     [001] ...1.    34.498925: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 103a46827 new_spte 8000000000000000',
  'kvmw-364     [002] ...1.    85.362205: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 102bbf827 new_spte 0',
  // kvm_unmap_hva_range
  'kvmw-174     [000] .....     7.922563: kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000508000 -- 0x00000000509000',
  'kvmw-224     [002] .....    31.995186: kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000509000 -- 0x0000000050a000',
  'kvmw-364     [000] .....    72.366603: kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000508000 -- 0x00000000509000',
  // tracing_mark_write
  'kvmw-174     [000] .....     7.914133: tracing_mark_write: {"ev":"start","workload":"migrate","args":"mb=32 rounds=6 iv=150","pid":174}',
  'kvmw-224     [002] .....    31.986998: tracing_mark_write: {"ev":"start","workload":"ksmrace","args":"vcpus=4 mb=2 ksmsleep=0 ksmscan=400 count=40 polls=80 iv=10","pid":224}',
  'kvmw-364     [000] .....    72.329351: tracing_mark_write: {"ev":"start","workload":"ksm","args":"log=1","pid":364}',
  // check_mmio_spte
  'vcpu0-522     [001] .....   273.298881: check_mmio_spte: spte 80000d0010027 kvm_gen 4 spte-gen 4 valid 1',
  'vcpu1-483     [002] .....   253.462054: check_mmio_spte: spte 800005818c097 kvm_gen 12 spte-gen 12 valid 1',
  // handle_mmio_page_fault
  'vcpu0-522     [001] .....   273.298980: handle_mmio_page_fault: addr:0 gfn d0010 access 6',
  'vcpu1-483     [002] .....   253.462131: handle_mmio_page_fault: addr:0 gfn 5818c access 6',
  // kvm_mmu_split_huge_page
  'kvmw-212     [000] ...1.    27.772548: kvm_mmu_split_huge_page: gfn 10000 spte 122e00ee7 level 2 errno 0',
  // mark_mmio_spte
  'vcpu0-522     [001] ...1.   273.265999: mark_mmio_spte: sptep:ffff8881033a2000 gfn d0000 access 7 gen 4',
  'vcpu1-483     [002] ...1.   253.438971: mark_mmio_spte: sptep:ffff888122322408 gfn 58281 access 7 gen 12',
  // kvm_age_hva
  'kdamond.0-177     [001] ...1.     5.762841: kvm_age_hva: mmu notifier age hva: 0x007fc715b32d83 -- 0x007fc715b33d83',
  // kvm_apicv_inhibit_changed
  'kvmw-174     [000] .....     7.918197: kvm_apicv_inhibit_changed: set reason=0, inhibits=0x1 DISABLED',
  'kvmw-224     [002] .....    31.990808: kvm_apicv_inhibit_changed: set reason=0, inhibits=0x1 DISABLED',
  'kvmw-364     [000] .....    72.336994: kvm_apicv_inhibit_changed: set reason=2, inhibits=0x4',
  // kvm_dirty_ring_exit
  'vcpu1-331     [001] .....   117.801846: kvm_dirty_ring_exit: vcpu 1',
  // kvm_dirty_ring_push
  'vcpu1-331     [001] .....   117.717166: kvm_dirty_ring_push: ring 1: dirty 0x1 reset 0x0 slot 1 offset 0xa55 (used 1)',
  // kvm_dirty_ring_reset
  'vcpu1-331     [001] .....   117.805486: kvm_dirty_ring_reset: ring 0: dirty 0x1c5 reset 0x1a7 (used 30)',
  // kvm_emulate_insn
  'vcpu0-522     [001] .....   273.266160: kvm_emulate_insn: 0:10409:89 55 00 (prot64)',
  'vcpu0-482     [001] .N...   253.346429: kvm_emulate_insn: 0:102fb:48 89 0a (prot64)',
  'vcpu0-511     [001] .....   171.503974: kvm_emulate_insn: 0:10090:0f 20 d8 (prot64)',
  // kvm_inj_exception
  'vcpu1-512     [000] .....   171.651926: kvm_inj_exception: #PF (0x3)',
  // kvm_mmio
  'vcpu0-522     [001] .....   273.266210: kvm_mmio: mmio write len 4 gpa 0xd0000000 val 0x1',
  'vcpu0-482     [001] .N...   253.346979: kvm_mmio: mmio write len 8 gpa 0x40000000 val 0x9',
  // kvm_mmu_get_page
  'vcpu0-177     [002] ...2.     7.986463: kvm_mmu_get_page: sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new',
  'vcpu0-227     [000] ...2.    32.074785: kvm_mmu_get_page: sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new',
  'vcpu1-369     [002] ...1.    72.506932: kvm_mmu_get_page: sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new',
  // kvm_mmu_pagetable_walk
  'vcpu0-522     [001] .....   273.266046: kvm_mmu_pagetable_walk: addr 10409 pferr 10 F',
  'vcpu0-482     [001] .....   253.344358: kvm_mmu_pagetable_walk: addr 102fb pferr 10 F',
  'vcpu1-512     [000] .....   171.226196: kvm_mmu_pagetable_walk: addr 10000 pferr 10 F',
  // kvm_mmu_paging_element
  'vcpu0-522     [001] .....   273.266070: kvm_mmu_paging_element: pte 101027 level 4',
  'vcpu0-482     [001] .....   253.344569: kvm_mmu_paging_element: pte 101027 level 4',
  'vcpu1-512     [000] .....   171.226375: kvm_mmu_paging_element: pte 101027 level 4',
  // kvm_mmu_prepare_zap_page
  'kvmw-174     [000] ...1.     9.927279: kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct wux nxe ad root 0 sync',
  'kvmw-224     [001] ...1.    34.497744: kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct wux nxe ad root 0 sync',
  'kvmw-364     [002] ...1.    85.356552: kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l2 8-byte q0 direct wux nxe ad root 0 sync',
  // kvm_mmu_set_accessed_bit
  'vcpu0-511     [001] .....   171.228857: kvm_mmu_set_accessed_bit: gpa 102400',
  // kvm_mmu_set_dirty_bit
  'vcpu0-511     [001] .....   171.228968: kvm_mmu_set_dirty_bit: gpa 200000',
  // kvm_mmu_sync_page
  'vcpu0-511     [001] ...1.   171.791605: kvm_mmu_sync_page: sp gen 0 gfn 200 l1 8-byte q0 wux nxe ad root 0 unsync',
  // kvm_mmu_unsync_page
  'vcpu0-511     [001] ...2.   171.505150: kvm_mmu_unsync_page: sp gen 0 gfn 200 l1 8-byte q0 wux nxe ad root 0 sync',
  // kvm_mmu_walker_error
  'vcpu1-512     [000] .....   171.651688: kvm_mmu_walker_error: pferr 3 P|W',
  // kvm_mmu_zap_all_fast
  'kvmw-174     [000] ...1.     9.917999: kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 0',
  'kvmw-224     [001] ...1.    34.497526: kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 0',
  'kvmw-364     [002] ...1.    85.356435: kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 0',
  // kvm_nested_intercepts
  'vcpu0-680     [002] .....   388.713287: kvm_nested_intercepts: cr_read: 0000 cr_write: 0000 excp: 00000000 intercepts: 01000000 00000003 00000000',
  // kvm_nested_vmenter
  'vcpu0-680     [002] .....   388.713212: kvm_nested_vmenter: rip: 0x00000000000108b4 vmcb: 0x0000000000060000 nested_rip: 0x0000000000010110 int_ctl: 0x00000000 event_inj: 0x00000000 nested_npt=y nested_cr3: 0x0000000000180000',
  // kvm_nested_vmexit
  'vcpu0-680     [002] .....   388.715355: kvm_nested_vmexit: vcpu 0 reason npf rip 0x10110 info1 0x0000000200000006 info2 0x0000000000100000 intr_info 0x00000000 error_code 0x00000000',
  // kvm_nested_vmexit_inject
  'vcpu0-680     [002] .....   388.717677: kvm_nested_vmexit_inject: reason: hypercall ext_inf1: 0x0000000000000000 ext_inf2: 0x0000000000000000 ext_int: 0x00000000 ext_int_err: 0x00000000',
  // kvm_set_spte_hva
  'kvmw-364     [000] ...1.    72.366688: kvm_set_spte_hva: mmu notifier set pte hva: 0x00000000508000',
  'kvmw-121     [002] ...1.     6.734196: kvm_set_spte_hva: mmu notifier set pte hva: 0x00000000508000',
  'kvmw-156     [000] ...1.    15.471928: kvm_set_spte_hva: mmu notifier set pte hva: 0x00000000508000',
  // kvm_test_age_hva
  'kdamond.0-177     [002] ...1.     5.773069: kvm_test_age_hva: mmu notifier test age hva: 0x007fc715b32d83',
  // kvm_track_tsc
  'kvmw-174     [000] d..1.     7.941416: kvm_track_tsc: vcpu_id 0 masterclock 0 offsetmatched 0 nr_online 1 hostclock tsc',
  'kvmw-224     [002] d..1.    32.009756: kvm_track_tsc: vcpu_id 0 masterclock 0 offsetmatched 0 nr_online 1 hostclock tsc',
  'kvmw-364     [001] d..1.    72.382313: kvm_track_tsc: vcpu_id 0 masterclock 0 offsetmatched 0 nr_online 1 hostclock tsc',
  // kvm_update_master_clock
  'kvmw-174     [000] d..1.     7.918065: kvm_update_master_clock: masterclock 0 hostclock tsc offsetmatched 0',
  'kvmw-224     [002] d..1.    31.990774: kvm_update_master_clock: masterclock 0 hostclock tsc offsetmatched 0',
  'kvmw-364     [000] d..1.    72.336948: kvm_update_master_clock: masterclock 0 hostclock tsc offsetmatched 0',
  // kvm_userspace_exit
  'vcpu0-177     [002] .....     8.497239: kvm_userspace_exit: reason KVM_EXIT_IO (2)',
  'vcpu0-227     [000] .....    32.099499: kvm_userspace_exit: reason KVM_EXIT_IO (2)',
  'vcpu1-369     [002] .....    72.701194: kvm_userspace_exit: reason KVM_EXIT_IO (2)',
  // kvm_write_tsc_offset
  'kvmw-174     [000] d..1.     7.941237: kvm_write_tsc_offset: vcpu=0 prev=0 next=18446744046153460183',
  'kvmw-224     [002] d..1.    32.009710: kvm_write_tsc_offset: vcpu=0 prev=0 next=18446743985246580951',
  'kvmw-364     [001] d..1.    72.382132: kvm_write_tsc_offset: vcpu=0 prev=0 next=18446743877184174807',
  // mm_collapse_huge_page
  'kvmw-479     [000] .N...   251.741287: mm_collapse_huge_page: mm=ffff888101a30b00, isolated=1, status=succeeded',
  'kvmw-168     [001] .....     8.154950: mm_collapse_huge_page: mm=ffff88810322c200, isolated=1, status=succeeded',
  // mm_collapse_huge_page_isolate
  'kvmw-479     [000] ...1.   251.715528: mm_collapse_huge_page_isolate: scan_pfn=0x1247eb, none_or_zero=2, referenced=0, writable=1, status=succeeded',
  'kvmw-168     [001] ...1.     8.144845: mm_collapse_huge_page_isolate: scan_pfn=0x1124d2, none_or_zero=0, referenced=0, writable=1, status=succeeded',
  // mm_khugepaged_scan_pmd
  'kvmw-479     [000] .N...   251.741423: mm_khugepaged_scan_pmd: mm=ffff888101a30b00, scan_pfn=0x1247eb, writable=1, referenced=0, none_or_zero=2, status=succeeded, unmapped=0',
  'kvmw-168     [001] .....     8.155062: mm_khugepaged_scan_pmd: mm=ffff88810322c200, scan_pfn=0x1124d2, writable=1, referenced=0, none_or_zero=0, status=succeeded, unmapped=0',
  'khugepaged-40      [000] .....    15.509996: mm_khugepaged_scan_pmd: mm=ffff888100060000, scan_pfn=0xffffffffffffffff, writable=0, referenced=0, none_or_zero=0, status=pmd_none, unmapped=0',
  // sys_ioctl
  'kvmw-174     [000] ...1.     7.916546: sys_ioctl(fd: 4, cmd: ae01, arg: 0)',
  'kvmw-224     [002] ...1.    31.990331: sys_ioctl(fd: 4, cmd: ae01, arg: 0)',
  'kvmw-364     [000] ...1.    72.336077: sys_ioctl(fd: 4, cmd: ae01, arg: 0)',
  // sys_madvise
  'kvmw-174     [000] ...1.     7.925727: sys_madvise(start: 7f068a200000, len_in: 800000, behavior: f)',
  'kvmw-224     [002] ...1.    31.995558: sys_madvise(start: 7f66b3a00000, len_in: 800000, behavior: f)',
  'kvmw-364     [000] ...1.    72.366943: sys_madvise(start: 7f85bcc00000, len_in: 800000, behavior: f)',
  // sys_mmap
  'kvmw-174     [000] ...1.     7.923418: sys_mmap(addr: 0, len: a00000, prot: 3, flags: 4022, fd: ffffffff, off: 0)',
  'kvmw-224     [002] ...1.    31.995294: sys_mmap(addr: 0, len: a00000, prot: 3, flags: 4022, fd: ffffffff, off: 0)',
  'kvmw-364     [000] ...1.    72.366729: sys_mmap(addr: 0, len: a00000, prot: 3, flags: 4022, fd: ffffffff, off: 0)',
  // sys_mprotect
  'kvmw-174     [002] ...1.     7.762860: sys_mprotect(start: 5db000, len: 7000, prot: 1)',
  'kvmw-224     [002] ...1.    31.883510: sys_mprotect(start: 5db000, len: 7000, prot: 1)',
  'kvmw-364     [000] ...1.    72.151757: sys_mprotect(start: 5db000, len: 7000, prot: 1)',
  // sys_munmap
  'kvmw-174     [000] ...1.     9.942545: sys_munmap(addr: 7f068acff000, len: 3000)',
  'kvmw-224     [001] ...1.    34.515348: sys_munmap(addr: 7f66b4565000, len: 3000)',
  'kvmw-364     [002] ...1.    85.372613: sys_munmap(addr: 7f85bcb7b000, len: 3000)',
  // vcpu_match_mmio
  'vcpu0-522     [001] .....   273.266190: vcpu_match_mmio: gva 0xd0000000 gpa 0xd0000000 Write GPA',
  'vcpu1-483     [002] .....   253.439290: vcpu_match_mmio: gva 0x58281c98 gpa 0x58281c98 Read GPA',
  // further forms of these
  'vcpu1-523     [000] .....   273.266190: kvm_mmio: mmio unsatisfied-read len 4 gpa 0xd0009000 val 0x0',
  'vcpu0-511     [001] ...1.   171.791605: kvm_mmu_get_page: sp gen 1 gfn 200 l1 4-byte q3 w-- invalid !nxe !ad root 1 unsync existing',
  'vcpu0-511     [001] .....   171.791605: kvm_mmu_walker_error: pferr 0 ',
  'vcpu0-511     [001] .....   171.791605: kvm_inj_exception: #UD',
  'vcpu0-511     [001] .....   171.791605: kvm_inj_exception: #PF (0x2) [reinjected]',
  'vcpu0-258     [001] .....    29.618652: kvm_nested_vmenter_failed: (control->nested_ctl & SVM_NESTED_CTL_NP_ENABLE) && !npt_enabled',
  'vcpu0-258     [001] .....    29.639700: kvm_nested_vmenter: rip: 0x0000000000010a2c vmcb: 0x0000000000060000 nested_rip: 0x0000000000010110 int_ctl: 0x00000000 event_inj: 0x00000000 nested_npt=n guest_cr3: 0x0000000000100000',
  'vcpu0-258     [001] .....    29.639700: kvm_userspace_exit: reason restart (4)',
  'vcpu0-258     [001] .....    29.639700: kvm_emulate_insn: 0:10409:89 55 00 (prot64) failed',
  'kvmw-479     [002] ...1.   248.157954: sys_mmap -> 0x7fd392c00000',
  'kvmw-479     [002] ...1.   248.158062: sys_madvise -> 0xffffffffffffffea',
  'kvmw-479     [002] ...1.   248.158062: sys_mprotect -> 0x0',
  'kvmw-479     [000] .....   253.346979: kvm_apicv_inhibit_changed: cleared reason=2, inhibits=0x0',
];

/** Events that the reader decodes and that no trace here has: written by the kernel's own format strings. */
export const LINES_BY_FORMAT: readonly string[] = [
  'vcpu0-177     [002] .....     7.986936: kvm_pml_full: vcpu 0: PML full',
  'vcpu0-177     [002] .....     7.986936: kvm_fast_mmio: fast mmio at gpa 0xfebf3000',
  'vcpu0-177     [002] .....     7.986936: kvm_ack_irq: irqchip PIC master pin 3',
  'vcpu0-177     [002] .....     7.986936: kvm_set_irq: gsi 23 level 1 source 0',
  'vcpu0-177     [002] .....     7.986936: kvm_hypercall: nr 0x5 a0 0x1 a1 0xffff888103c43b80 a2 0x0 a3 0x0',
  'vcpu0-177     [002] .....     7.986936: kvm_vcpu_wakeup: wait time 48213 ns, polling valid',
  'vcpu0-177     [002] .....     7.986936: kvm_try_async_get_page: gva = 0xffff888103c43b80, gfn = 0x103c43',
  'qemu-177     [002] .....     7.986936: sys_mremap(addr: 7f0000000000, old_len: 1000, new_len: 2000, flags: 1, new_addr: 0)',
  'qemu-177     [002] .....     7.986936: sys_ioctl -> 0x0',
];

/** Events that the reader counts without decoding them. */
export const COUNTED_LINES: readonly string[] = [
  'vcpu0-177     [002] d..1.     7.986936: kvm_fpu: load',
  'vcpu0-177     [002] .....     7.986936: kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x41',
  'vcpu0-177     [002] .....     7.986936: kvm_msr: msr_write c0000080 = 0xd01',
  'kvmw-174     [000] ...1.     7.923418: sys_futex(uaddr: 7f068acff000, op: 80, val: 1, utime: 0, uaddr2: 0, val3: 0)',
  'kvmw-174     [000] ...1.     7.923418: sys_futex -> 0x0',
  '<idle>-0     [001] d..2.     8.003979: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=vcpu1 next_pid=178 next_prio=120',
];
