// Records of what happens to a vCPU. Only the frequent ones: the others are read from the text that their format gives.
import type { Gpa, Gva } from '@faultline/mmu';
import type { Exit, KvmExit, KvmMmio, KvmNestedVmexit } from '../vcpu-event.ts';
import type { EventRecord } from './record.ts';
import type { PlannedFields, RecordPlans } from './record-plan.ts';

function planExit<Event extends (KvmExit | KvmNestedVmexit)['event']>(
  event: Event,
): (fields: PlannedFields) => (record: EventRecord) => (Exit & { event: Event }) | undefined {
  return (fields) => {
    const vcpu = fields.number('vcpu_id');
    const printReason = fields.printed('reason ', 'exit_reason', 'isa');
    const guestRip = fields.wide('guest_rip');
    const first = fields.wide('info1');
    const second = fields.wide('info2');
    const interrupt = fields.number('intr_info');
    const errorCode = fields.number('error_code');
    return (record) => {
      const reason = printReason(record);
      return reason === undefined
        ? undefined
        : {
            event,
            vcpu_id: record.number(vcpu),
            reason,
            rip: record.address(guestRip),
            info1: record.halves(first),
            info2: record.halves(second),
            intr_info: record.number(interrupt),
            error_code: record.number(errorCode),
          };
    };
  };
}

export const vcpuPlans: RecordPlans = {
  kvm_exit: planExit('kvm_exit'),
  kvm_nested_vmexit: planExit('kvm_nested_vmexit'),

  kvm_entry(fields) {
    const vcpu = fields.number('vcpu_id');
    const rip = fields.wide('rip');
    return (record) => ({
      event: 'kvm_entry',
      vcpu_id: record.number(vcpu),
      rip: record.address(rip),
    });
  },

  kvm_userspace_exit(fields) {
    const number = fields.number('reason');
    const errno = fields.number('errno');
    const printReason = fields.printed('reason ', 'reason', 'errno');
    return (record) => {
      const reason = printReason(record);
      if (reason === undefined) return undefined;
      const error = record.number(errno);
      return {
        event: 'kvm_userspace_exit',
        reason,
        code: error < 0 ? -error : record.number(number),
      };
    };
  },

  kvm_mmio(fields) {
    const printType = fields.printed('mmio ', 'type');
    const len = fields.number('len');
    const gpa = fields.wide('gpa');
    const val = fields.wide('val');
    return (record) => {
      const type = printType(record) as KvmMmio['type'] | undefined;
      return type === undefined
        ? undefined
        : {
            event: 'kvm_mmio',
            type,
            len: record.number(len),
            gpa: record.number(gpa) as Gpa,
            val: record.halves(val),
          };
    };
  },

  vcpu_match_mmio(fields) {
    const gva = fields.wide('gva');
    const gpa = fields.wide('gpa');
    const write = fields.number('write');
    const byGpa = fields.number('gpa_match');
    return (record) => ({
      event: 'vcpu_match_mmio',
      gva: record.address(gva) as Gva,
      gpa: record.address(gpa) as Gpa,
      write: record.number(write) !== 0,
      gpa_match: record.number(byGpa) !== 0,
    });
  },
};
