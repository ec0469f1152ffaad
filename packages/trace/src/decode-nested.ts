// Guests of guests. KVM: arch/x86/kvm/trace.h.
import type { Gpa } from '@faultline/mmu';
import { type Decoders, UNPARSED } from './decode.ts';
import { readExit } from './decode-vcpu.ts';
import type { LineCursor } from './line-cursor.ts';
import { kernelExitReason } from './plugin-exit-reason.ts';
import type { KvmNestedVmexitInject } from './vcpu-event.ts';

/** In the words of libtraceevent's plugin: `reason EXIT_NPF info1 6 info2 1000 int_info 0 int_info_err 0`. */
function injectedExit(line: LineCursor): KvmNestedVmexitInject {
  const reason = kernelExitReason(line.stringBefore(' info1 '));
  const info1 = line.halves();
  line.text(' info2 ');
  const info2 = line.halves();
  line.text(' int_info ');
  const intr_info = line.hex();
  line.text(' int_info_err ');
  const error_code = line.hex();
  return { event: 'kvm_nested_vmexit_inject', reason, info1, info2, intr_info, error_code };
}

export const nestedDecoders: Decoders = {
  kvm_nested_vmexit(line) {
    // The plugin looks for a field that was renamed, and says so; then it prints as the kernel does.
    line.accept('<CANT FIND FIELD rip>');
    return readExit(line, 'kvm_nested_vmexit');
  },

  kvm_nested_vmexit_inject(line) {
    if (line.accept('reason ')) return injectedExit(line);
    line.text('reason: ');
    const reason = line.stringBefore(' ext_inf1: 0x');
    const info1 = line.halves();
    line.text(' ext_inf2: 0x');
    const info2 = line.halves();
    line.text(' ext_int: 0x');
    const intr_info = line.hex();
    line.text(' ext_int_err: 0x');
    const error_code = line.hex();
    return { event: 'kvm_nested_vmexit_inject', reason, info1, info2, intr_info, error_code };
  },

  kvm_nested_vmenter(line) {
    line.text('rip: 0x');
    const rip = line.address();
    line.oneOf([' vmcb: 0x', ' vmcs: 0x']);
    const vmcb = line.address() as Gpa;
    line.text(' nested_rip: 0x');
    const nested_rip = line.address();
    line.text(' int_ctl: 0x');
    const int_ctl = line.hex();
    line.text(' event_inj: 0x');
    const event_inj = line.hex();
    line.oneOf([' nested_npt=', ' nested_ept=']);
    const tdp_enabled = line.oneOf(['y', 'n']) === 'y';
    line.oneOf([' nested_cr3: 0x', ' nested_eptp: 0x', ' guest_cr3: 0x']);
    const guest_pgd = line.address();
    return {
      event: 'kvm_nested_vmenter',
      rip,
      vmcb,
      nested_rip,
      int_ctl,
      event_inj,
      tdp_enabled,
      guest_pgd,
    };
  },

  kvm_nested_vmenter_failed(line) {
    if (line.accept(UNPARSED)) line.fail('why it failed');
    return { event: 'kvm_nested_vmenter_failed', msg: line.rest() };
  },

  kvm_nested_intercepts(line) {
    line.text('cr_read: ');
    const cr_read = line.hex();
    line.text(' cr_write: ');
    const cr_write = line.hex();
    line.text(' excp: ');
    const exceptions = line.hex();
    line.text(' intercepts: ');
    const first = line.hex();
    line.text(' ');
    const second = line.hex();
    line.text(' ');
    const third = line.hex();
    const intercepts = [first, second, third] as const;
    return { event: 'kvm_nested_intercepts', cr_read, cr_write, exceptions, intercepts };
  },
};
