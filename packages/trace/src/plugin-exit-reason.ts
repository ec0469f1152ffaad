// libtraceevent's kvm plugin has names of its own for exits of SVM: trace-cmd and perf print EXIT_NPF where the kernel prints npf.
// Those of VMX it has from the kernel, but for one that has changed since.

/** Where more differs than the letters' case. Kernel: arch/x86/include/uapi/asm/svm.h, vmx.h. */
const OTHERWISE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    EXIT_INTR: 'interrupt',
    EXIT_IOIO: 'io',
    EXIT_VMMCALL: 'hypercall',
    EXIT_IDTR_READ: 'read_idtr',
    EXIT_GDTR_READ: 'read_gdtr',
    EXIT_LDTR_READ: 'read_ldtr',
    EXIT_TR_READ: 'read_rt',
    EXIT_IDTR_WRITE: 'write_idtr',
    EXIT_GDTR_WRITE: 'write_gdtr',
    EXIT_LDTR_WRITE: 'write_ldtr',
    EXIT_TR_WRITE: 'write_rt',
    EXIT_ERR: 'invalid_guest_state',
    PENDING_INTERRUPT: 'INTERRUPT_WINDOW',
  }),
);

/** The kernel's name; any other text as it is. */
export function kernelExitReason(reason: string): string {
  const name = OTHERWISE.get(reason);
  if (name !== undefined) return name;
  if (reason.startsWith('EXIT_EXCP_')) return `${reason.slice('EXIT_EXCP_'.length)} excp`;
  return reason.startsWith('EXIT_') ? reason.slice('EXIT_'.length).toLowerCase() : reason;
}
