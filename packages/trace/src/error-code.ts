// The error code of a page fault as fast_page_fault prints it: names joined by `|`, and what has no name in hexadecimal.
//
//   P|W|U|0x100000000   ->   0x100000007
//
// kvm_page_fault prints the same bits as a number. KVM: PFERR_*_MASK in asm/kvm_host.h, kvm_mmu_trace_pferr_flags.
import { PFERR_NAMES } from '@faultline/mmu';
import type { LineCursor } from './line-cursor.ts';
import { RecentTexts } from './recent-texts.ts';

const SPACE = 0x20;
const BAR = 0x7c;

/** The mmu's five, and what kernels after 6.12 print. */
const NAMES: typeof PFERR_NAMES = [
  ...PFERR_NAMES,
  [1 << 5, 'PK'], //   a protection key forbade it
  [1 << 6, 'SS'], //   the access was to a shadow stack
  [1 << 15, 'SGX'], // or into an enclave
];

/** What was read of late: a trace has a handful of them. */
const recent = new RecentTexts<number>(4);

/**
 * Reads up to the next space. Nothing before it means 0, which is how the kernel prints it; 6.1 with `hash-ptr=0` loses
 * the names too, and the two cannot be told apart here.
 */
export function readErrorCode(line: LineCursor): number {
  const { at: from } = line;
  const known = recent.find(line, from);
  if (known !== undefined) {
    line.at = from + known.text.length - 1;
    return known.value;
  }
  if (line.bytes[from] === SPACE) return 0;
  let code = 0;
  do code += readOneBit(line);
  while (line.accept('|'));
  if (line.bytes[line.at] === SPACE) recent.keep(line, from, line.at + 1, code);
  return code;
}

// Bits 32 (the guest's final address) and 33 (a page table of the guest) have no name, so they come as a number. Sums, not
// ORs: those bits do not fit an int32, and no bit is printed twice.
function readOneBit(line: LineCursor): number {
  const from = line.at;
  if (line.accept('0x')) return line.hex();
  for (const [mask, name] of NAMES) {
    const after = line.accept(name) ? line.bytes[line.at] : undefined;
    if (after === SPACE || after === BAR) return mask;
    line.at = from;
  }
  line.fail('names of page-fault bits (P, W, U, RSVD, F) joined by "|"');
  return 0;
}
