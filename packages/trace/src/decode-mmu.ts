// The MMU's tracepoints: text of the body in, event out. The literal texts are those of 6.1 to 6.12.
// KVM: arch/x86/kvm/mmu/mmutrace.h, arch/x86/kvm/trace.h, include/trace/events/kvm.h.
import type { Gfn, Gpa, Pfn, Sptep } from '@faultline/mmu';
import type { Decoders } from './decode.ts';
import { readErrorCode } from './error-code.ts';

export const mmuDecoders: Decoders = {
  fast_page_fault(line) {
    line.text('vcpu ');
    const vcpu_id = line.decimal();
    line.text(' gva ');
    const cr2_or_gpa = line.address() as Gpa;
    line.text(' error_code ');
    const error_code = readErrorCode(line);
    line.text(' sptep ');
    const sptep = line.pointer() as Sptep;
    line.text(' old 0x');
    const old_spte = line.halves();
    line.text(' new ');
    const new_spte = line.halves();
    line.text(' spurious ');
    const spurious = line.flag();
    line.text(' fixed ');
    const fixed = line.flag();
    return {
      event: 'fast_page_fault',
      vcpu_id,
      cr2_or_gpa,
      error_code,
      sptep,
      old_spte,
      new_spte,
      spurious,
      fixed,
    };
  },

  kvm_page_fault(line) {
    line.text('vcpu ');
    const vcpu_id = line.decimal();
    line.text(' rip 0x');
    const rip = line.address();
    line.text(' address 0x');
    const fault_address = line.address() as Gpa;
    line.text(' error_code 0x');
    const error_code = line.hex();
    return { event: 'kvm_page_fault', vcpu_id, rip, fault_address, error_code };
  },

  kvm_mmu_set_spte(line) {
    line.text('gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' spte ');
    const spte = line.halves();
    // The rights are derived from the spte, so they are not kept; the kernel leaves some letters out where u is not known.
    line.text(' (');
    line.stringBefore(') level ');
    const level = line.decimal();
    line.text(' at ');
    const sptep = line.address() as Sptep;
    return { event: 'kvm_mmu_set_spte', gfn, spte, level, sptep };
  },

  kvm_tdp_mmu_spte_changed(line) {
    line.text('as id ');
    const as_id = line.decimal();
    line.text(' gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' level ');
    const level = line.decimal();
    line.text(' old_spte ');
    const old_spte = line.halves();
    line.text(' new_spte ');
    const new_spte = line.halves();
    return { event: 'kvm_tdp_mmu_spte_changed', as_id, gfn, level, old_spte, new_spte };
  },

  kvm_mmu_spte_requested(line) {
    line.text('gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' pfn ');
    const pfn = line.hex() as Pfn;
    line.text(' level ');
    const level = line.decimal();
    return { event: 'kvm_mmu_spte_requested', gfn, pfn, level };
  },

  kvm_mmu_split_huge_page(line) {
    line.text('gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' spte ');
    const spte = line.halves();
    line.text(' level ');
    const level = line.decimal();
    line.text(' errno ');
    const errno = line.signedDecimal();
    return { event: 'kvm_mmu_split_huge_page', gfn, spte, level, errno };
  },

  mark_mmio_spte(line) {
    line.text('sptep:');
    const sptep = line.pointer() as Sptep;
    line.text(' gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' access ');
    const access = line.hex();
    line.text(' gen ');
    const gen = line.hex();
    return { event: 'mark_mmio_spte', sptep, gfn, access, gen };
  },

  handle_mmio_page_fault(line) {
    line.text('addr:');
    const addr = line.address() as Gpa;
    line.text(' gfn ');
    const gfn = line.hex() as Gfn;
    line.text(' access ');
    const access = line.hex();
    return { event: 'handle_mmio_page_fault', addr, gfn, access };
  },

  check_mmio_spte(line) {
    line.text('spte ');
    const spte = line.halves();
    line.text(' kvm_gen ');
    const kvm_gen = line.hex();
    line.text(' spte-gen ');
    const spte_gen = line.hex();
    line.text(' valid ');
    const valid = line.flag();
    return { event: 'check_mmio_spte', spte, kvm_gen, spte_gen, valid };
  },
};
