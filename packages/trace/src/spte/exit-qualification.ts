// The exit qualification of an EPT violation: what Intel hardware reports where AMD's reports an error code. The tracepoint
// kvm_page_fault prints it raw on Intel, in the column `error_code`.
//
//   bit   set means                                       becomes
//   0     the access was a load                           U: KVM's word for it under EPT
//   1     a store                                         W
//   2     an instruction fetch                            F
//   3-5   the entry let loads, stores, fetches through    P, if any of them is set
//   7     a guest-linear address is known
//   8     with 7: the access was to that address itself   FINAL, else PAGE: to a page table of the guest
//
// Format: Intel SDM volume 3, table 28-7. KVM: __vmx_handle_ept_violation().
import {
  PFERR_FETCH_MASK,
  PFERR_GUEST_FINAL_MASK,
  PFERR_GUEST_PAGE_MASK,
  PFERR_PRESENT_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
} from '@faultline/mmu';
import type { SpteLayout } from './spte-view.ts';

const bit = (n: number): number => 1 << n;

const LOAD = bit(0);
const STORE = bit(1);
const FETCH = bit(2);
const ENTRY_RIGHTS = bit(3) | bit(4) | bit(5);
const LINEAR_ADDRESS_KNOWN = bit(7);
const FINAL_ACCESS = bit(8);

export function errorCodeOfQualification(qualification: number): number {
  const has = (mask: number): boolean => (qualification & mask) !== 0;
  // Sums, not ORs: FINAL and PAGE do not fit an int32.
  return (
    (has(LOAD) ? PFERR_USER_MASK : 0) +
    (has(STORE) ? PFERR_WRITE_MASK : 0) +
    (has(FETCH) ? PFERR_FETCH_MASK : 0) +
    (has(ENTRY_RIGHTS) ? PFERR_PRESENT_MASK : 0) +
    (has(LINEAR_ADDRESS_KNOWN)
      ? has(FINAL_ACCESS)
        ? PFERR_GUEST_FINAL_MASK
        : PFERR_GUEST_PAGE_MASK
      : 0)
  );
}

/** The error code of a kvm_page_fault event, whichever of the two it prints. */
export const pageFaultErrorCode = (printed: number, layout: SpteLayout): number =>
  layout === 'ept' ? errorCodeOfQualification(printed) : printed;
