// Records of the MMU: the frequent ones.
import type { Gfn, Gpa, Gva, Hva, Pfn, Sptep } from '@faultline/mmu';
import type { RecordPlans } from './record-plan.ts';

export const mmuPlans: RecordPlans = {
  fast_page_fault(fields) {
    const vcpu = fields.number('vcpu_id');
    const address = fields.wide('cr2_or_gpa');
    const errorCode = fields.number('error_code');
    const sptep = fields.wide('sptep');
    const oldSpte = fields.wide('old_spte');
    const newSpte = fields.wide('new_spte');
    // The numbers of RET_PF_* differ between kernels, so the format is asked.
    const printSpurious = fields.printed(' spurious ', 'ret');
    const printFixed = fields.printed(' fixed ', 'ret');
    return (record) => ({
      event: 'fast_page_fault',
      vcpu_id: record.number(vcpu),
      cr2_or_gpa: record.address(address) as Gpa,
      error_code: record.number(errorCode),
      sptep: record.address(sptep) as Sptep,
      old_spte: record.halves(oldSpte),
      new_spte: record.halves(newSpte),
      spurious: printSpurious(record) === '1',
      fixed: printFixed(record) === '1',
    });
  },

  kvm_page_fault(fields) {
    const vcpu = fields.number('vcpu_id');
    const rip = fields.wide('guest_rip');
    const address = fields.wide('fault_address');
    const errorCode = fields.number('error_code');
    return (record) => ({
      event: 'kvm_page_fault',
      vcpu_id: record.number(vcpu),
      rip: record.address(rip),
      fault_address: record.address(address) as Gpa,
      error_code: record.number(errorCode),
    });
  },

  kvm_mmu_set_spte(fields) {
    const gfn = fields.wide('gfn');
    const spte = fields.wide('spte');
    const level = fields.number('level');
    const sptep = fields.wide('sptep');
    return (record) => ({
      event: 'kvm_mmu_set_spte',
      gfn: record.number(gfn) as Gfn,
      spte: record.halves(spte),
      level: record.number(level),
      sptep: record.address(sptep) as Sptep,
    });
  },

  kvm_tdp_mmu_spte_changed(fields) {
    const asId = fields.number('as_id');
    const gfn = fields.wide('gfn');
    const level = fields.number('level');
    const oldSpte = fields.wide('old_spte');
    const newSpte = fields.wide('new_spte');
    return (record) => ({
      event: 'kvm_tdp_mmu_spte_changed',
      as_id: record.number(asId),
      gfn: record.number(gfn) as Gfn,
      level: record.number(level),
      old_spte: record.halves(oldSpte),
      new_spte: record.halves(newSpte),
    });
  },

  kvm_mmu_spte_requested(fields) {
    const gfn = fields.wide('gfn');
    const pfn = fields.wide('pfn');
    const level = fields.number('level');
    return (record) => ({
      event: 'kvm_mmu_spte_requested',
      gfn: record.number(gfn) as Gfn,
      pfn: record.number(pfn) as Pfn,
      level: record.number(level),
    });
  },

  kvm_mmu_pagetable_walk(fields) {
    const addr = fields.wide('addr');
    const pferr = fields.number('pferr');
    return (record) => ({
      event: 'kvm_mmu_pagetable_walk',
      addr: record.address(addr) as Gva,
      pferr: record.number(pferr),
    });
  },

  kvm_mmu_paging_element(fields) {
    const pte = fields.wide('pte');
    const level = fields.number('level');
    return (record) => ({
      event: 'kvm_mmu_paging_element',
      pte: record.halves(pte),
      level: record.number(level),
    });
  },

  kvm_unmap_hva_range(fields) {
    const start = fields.wide('start');
    const end = fields.wide('end');
    return (record) => ({
      event: 'kvm_unmap_hva_range',
      start: record.number(start) as Hva,
      end: record.number(end) as Hva,
    });
  },

  kvm_age_hva(fields) {
    const start = fields.wide('start');
    const end = fields.wide('end');
    return (record) => ({
      event: 'kvm_age_hva',
      start: record.number(start) as Hva,
      end: record.number(end) as Hva,
    });
  },

  kvm_dirty_ring_push(fields) {
    const index = fields.number('index');
    const dirty = fields.number('dirty_index');
    const reset = fields.number('reset_index');
    const slot = fields.number('slot');
    const offset = fields.wide('offset');
    return (record) => ({
      event: 'kvm_dirty_ring_push',
      index: record.number(index),
      dirty_index: record.number(dirty),
      reset_index: record.number(reset),
      slot: record.number(slot),
      offset: record.number(offset),
    });
  },
};
