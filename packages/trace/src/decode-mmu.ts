// The MMU's tracepoints: text of the body in, event out. The literal texts are those of 6.1 to 6.12.
// KVM: arch/x86/kvm/mmu/mmutrace.h, arch/x86/kvm/trace.h, include/trace/events/kvm.h.
import type { Gfn, Gpa, Pfn, Sptep } from '@faultline/mmu';
import { literal } from './byte-text.ts';
import type { Decoders } from './decode.ts';
import { readErrorCode } from './error-code.ts';

// Of the events that come by the million.
const VCPU = literal('vcpu ');
const GVA = literal(' gva ');
const ERROR_CODE = literal(' error_code ');
const SPTEP = literal(' sptep ');
const OLD = literal(' old ');
const NEW = literal(' new ');
const SPURIOUS = literal(' spurious ');
const FIXED = literal(' fixed ');
const RIP = literal(' rip 0x');
const ADDRESS = literal(' address 0x');
const ERROR_CODE_HEX = literal(' error_code 0x');
const GFN = literal(' gfn ');
const PFN = literal(' pfn ');
const LEVEL = literal(' level ');
const SPTE = literal(' spte ');
const AT = literal(' at ');
const AS_ID = literal('as id ');
const OLD_SPTE = literal(' old_spte ');
const NEW_SPTE = literal(' new_spte ');

export const mmuDecoders: Decoders = {
  fast_page_fault(line) {
    line.text(VCPU);
    const vcpu_id = line.decimal();
    line.text(GVA);
    const cr2_or_gpa = line.address() as Gpa;
    line.text(ERROR_CODE);
    const error_code = readErrorCode(line);
    line.text(SPTEP);
    const sptep = line.pointer() as Sptep;
    line.text(OLD);
    line.acceptPrefix();
    const old_spte = line.halves();
    line.text(NEW);
    const new_spte = line.halves();
    line.text(SPURIOUS);
    const spurious = line.flag();
    line.text(FIXED);
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
    line.text(VCPU);
    const vcpu_id = line.decimal();
    line.text(RIP);
    const rip = line.address();
    line.text(ADDRESS);
    const fault_address = line.address() as Gpa;
    line.text(ERROR_CODE_HEX);
    const error_code = line.hex();
    return { event: 'kvm_page_fault', vcpu_id, rip, fault_address, error_code };
  },

  kvm_mmu_set_spte(line) {
    line.text('gfn ');
    const gfn = line.hex() as Gfn;
    line.text(SPTE);
    const spte = line.halves();
    // The rights are derived from the spte, so they are not kept; the kernel leaves some letters out where u is not known.
    line.text(' (');
    line.stringBefore(') level ');
    const level = line.decimal();
    line.text(AT);
    const sptep = line.address() as Sptep;
    return { event: 'kvm_mmu_set_spte', gfn, spte, level, sptep };
  },

  kvm_tdp_mmu_spte_changed(line) {
    line.text(AS_ID);
    const as_id = line.decimal();
    line.text(GFN);
    const gfn = line.hex() as Gfn;
    line.text(LEVEL);
    const level = line.decimal();
    line.text(OLD_SPTE);
    const old_spte = line.halves();
    line.text(NEW_SPTE);
    const new_spte = line.halves();
    return { event: 'kvm_tdp_mmu_spte_changed', as_id, gfn, level, old_spte, new_spte };
  },

  kvm_mmu_spte_requested(line) {
    line.text('gfn ');
    const gfn = line.hex() as Gfn;
    line.text(PFN);
    const pfn = line.hex() as Pfn;
    line.text(LEVEL);
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
