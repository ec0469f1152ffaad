// What hardware reports of a fault, and whether the fast path may try it (KVM: PFERR_*, page_fault_can_be_fast()).
//
//   bit   name     set means
//   0     P        every level was present: the fault is about rights
//   1     W        the access was a write
//   2     U        the access was made in user mode (a nested walk always is)
//   3     RSVD     a reserved bit was set: an MMIO spte
//   4     F        the access was an instruction fetch
//   5     PK       protection keys
//   32    FINAL    the fault was at the guest's final address
//   33    PAGE     the fault was on the guest's own page table

export const PFERR_PRESENT_MASK = 1;
export const PFERR_WRITE_MASK = 2;
export const PFERR_USER_MASK = 4;
export const PFERR_RSVD_MASK = 8;
export const PFERR_FETCH_MASK = 16;
export const PFERR_PK_MASK = 32;
export const PFERR_GUEST_FINAL_MASK: number = 2 ** 32;
export const PFERR_GUEST_PAGE_MASK: number = 2 ** 33;

// Bits 32 and up say where, not what: `&` drops them, as it should.
export const isWriteFault = (errorCode: number): boolean => (errorCode & PFERR_WRITE_MASK) !== 0;

/** The P bit may be there or not: hardware sets it, emulators of hardware forget it. */
export const isReservedFault = (errorCode: number): boolean => (errorCode & PFERR_RSVD_MASK) !== 0;

/**
 * Only a write that every level was present for, and that met no reserved bit: then setting W may be all it takes.
 */
export const pageFaultCanBeFast = (errorCode: number): boolean =>
  (errorCode & (PFERR_PRESENT_MASK | PFERR_WRITE_MASK | PFERR_RSVD_MASK)) ===
  (PFERR_PRESENT_MASK | PFERR_WRITE_MASK);

/**
 * The same where hardware has no A and D: a fault without P may have met an access-tracked spte, whatever the access was.
 * With P, only a write.
 */
export const pageFaultCanBeFastAccTrack = (errorCode: number): boolean =>
  !isReservedFault(errorCode) &&
  ((errorCode & PFERR_PRESENT_MASK) === 0 || isWriteFault(errorCode));

/** The kernel's names, as its tracepoints print them. 6.12 has the first five; later kernels name more. */
export const PFERR_NAMES: readonly (readonly [mask: number, name: string])[] = [
  [PFERR_PRESENT_MASK, 'P'],
  [PFERR_WRITE_MASK, 'W'],
  [PFERR_USER_MASK, 'U'],
  [PFERR_RSVD_MASK, 'RSVD'],
  [PFERR_FETCH_MASK, 'F'],
];

/** `P|W|U|0x100000000`, as the kernel's trace prints it: the bits that it has no name for come last, as one number. */
export function formatErrorCode(errorCode: number): string {
  const found = PFERR_NAMES.filter(([mask]) => (errorCode & mask) !== 0);
  const rest = found.reduce((left, [mask]) => left - mask, errorCode);
  const names = found.map(([, name]) => name);
  return (rest === 0 ? names : [...names, `0x${rest.toString(16)}`]).join('|');
}
