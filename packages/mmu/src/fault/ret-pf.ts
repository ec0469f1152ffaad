// What became of a fault: KVM's names and, so that a recorded trace can be read beside it, the numbers of 6.12.

/** Enter the guest again; it will fault again if there is still a reason to. */
export const RET_PF_RETRY = 1;
/** No memory there: a device, or nothing. */
export const RET_PF_EMULATE = 2;
/** Not for the fast path: take the slow one. */
export const RET_PF_INVALID = 4;
/** Repaired here. */
export const RET_PF_FIXED = 5;
/** Repaired by somebody else before, or never broken but for a stale TLB entry. */
export const RET_PF_SPURIOUS = 6;
/** The VMM itself may not: its business. KVM: -EFAULT, with KVM_EXIT_MEMORY_FAULT. */
export const RET_PF_EFAULT = -14;

export type RetPf =
  | typeof RET_PF_RETRY
  | typeof RET_PF_EMULATE
  | typeof RET_PF_INVALID
  | typeof RET_PF_FIXED
  | typeof RET_PF_SPURIOUS
  | typeof RET_PF_EFAULT;
