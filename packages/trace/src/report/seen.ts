// What a vCPU's thread was seen doing between its exit and its next entry, as bits: what a fault's kind is told from.
import { isLastSpte, isShadowPresent, type KvmTdpMmuSpteChanged, spteToPfn } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';

export const Seen = {
  Fixed: 0x1, //      fast_page_fault, fixed
  Spurious: 0x2, //   fast_page_fault, spurious
  Mapped: 0x4, //     kvm_mmu_spte_requested, kvm_mmu_set_spte, or a leaf changed to present
  MappedHuge: 0x2000, // of these, a leaf above 4K
  Copied: 0x8, //     a leaf changed to another page's
  MarkMmio: 0x10, //   mark_mmio_spte
  MmioSpte: 0x20, //   check_mmio_spte valid, handle_mmio_page_fault
  StaleMmio: 0x40, //  check_mmio_spte not valid
  Emulated: 0x80, //   kvm_emulate_insn
  Mmio: 0x100, //       kvm_mmio
  Eventfd: 0x200, //    kvm_fast_mmio
  Injected: 0x400, //  kvm_inj_exception, kvm_nested_vmexit_inject
  AsyncPage: 0x800, // kvm_try_async_get_page
  Userspace: 0x1000, // kvm_userspace_exit
} as const;

/** Of fast_page_fault the tracker knows more, so it is not among these. */
export function seenIn(body: TraceBody): number {
  switch (body.event) {
    case 'kvm_mmu_spte_requested':
      return Seen.Mapped;
    case 'kvm_mmu_set_spte':
      return leafSeen(body.level);
    case 'kvm_tdp_mmu_spte_changed':
      return changeSeen(body);
    case 'mark_mmio_spte':
      return Seen.MarkMmio;
    case 'handle_mmio_page_fault':
      return Seen.MmioSpte;
    case 'check_mmio_spte':
      return body.valid ? Seen.MmioSpte : Seen.StaleMmio;
    case 'kvm_emulate_insn':
      return Seen.Emulated;
    case 'kvm_mmio':
      return Seen.Mmio;
    case 'kvm_fast_mmio':
      return Seen.Eventfd;
    case 'kvm_inj_exception':
    case 'kvm_nested_vmexit_inject':
      return Seen.Injected;
    case 'kvm_try_async_get_page':
      return Seen.AsyncPage;
    case 'kvm_userspace_exit':
      return Seen.Userspace;
    default:
      return 0;
  }
}

/** What a change of an spte by the vCPU itself says of its fault: tables above the leaf do not count, nor what it zapped. */
function changeSeen({ level, old_spte, new_spte }: KvmTdpMmuSpteChanged): number {
  if (!isShadowPresent(new_spte.low) || !isLastSpte(new_spte.low, level)) return 0;
  const isCopy =
    isShadowPresent(old_spte.low) &&
    isLastSpte(old_spte.low, level) &&
    spteToPfn(old_spte.low, old_spte.high) !== spteToPfn(new_spte.low, new_spte.high);
  return leafSeen(level) | (isCopy ? Seen.Copied : 0);
}

const leafSeen = (level: number): number => Seen.Mapped | (level > 1 ? Seen.MappedHuge : 0);
