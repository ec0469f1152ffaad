// In and out of the guest.
import type { Decoders } from './decode.ts';

export const vcpuDecoders: Decoders = {
  kvm_entry(line) {
    line.text('vcpu ');
    const vcpu_id = line.decimal();
    line.text(', rip 0x');
    const rip = line.address();
    line.accept('[immediate exit]');
    return { event: 'kvm_entry', vcpu_id, rip };
  },

  kvm_exit(line) {
    line.text('vcpu ');
    const vcpu_id = line.decimal();
    line.text(' reason ');
    // A reason may hold spaces (PF excp), so it goes up to the next column.
    const reason = line.stringBefore(' rip 0x');
    if (reason === '') line.fail('the name of an exit reason');
    const rip = line.address();
    line.text(' info1 0x');
    const info1 = line.halves();
    line.text(' info2 0x');
    const info2 = line.halves();
    line.text(' intr_info 0x');
    line.hex();
    line.text(' error_code 0x');
    line.hex();
    return { event: 'kvm_exit', vcpu_id, reason, rip, info1, info2 };
  },
};
