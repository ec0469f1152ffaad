// Emulated instructions and accesses to devices. KVM: arch/x86/kvm/trace.h, include/trace/events/kvm.h.
import type { Gpa, Gva } from '@faultline/mmu';
import type { Decoders } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';

const MMIO_TYPES = ['read', 'write', 'unsatisfied-read'] as const;

export const emulationDecoders: Decoders = {
  kvm_emulate_insn(line) {
    const csbase = line.hex();
    line.text(':');
    const rip = line.address();
    line.text(':');
    if (line.accept(' ')) return { event: 'kvm_emulate_insn', csbase, rip, ...readBytes(line) };
    const insn = line.stringBefore(' (');
    const flags = line.stringBefore(')');
    const failed = line.accept(' failed');
    return { event: 'kvm_emulate_insn', csbase, rip, insn, flags, failed };
  },

  kvm_mmio(line) {
    line.text('mmio ');
    const type = line.oneOf(MMIO_TYPES) ?? 'read';
    line.text(' len ');
    const len = line.decimal();
    line.text(' gpa 0x');
    const gpa = line.hex() as Gpa;
    line.text(' val 0x');
    const val = line.halves();
    return { event: 'kvm_mmio', type, len, gpa, val };
  },

  vcpu_match_mmio(line) {
    line.text('gva ');
    const gva = line.prefixedAddress() as Gva;
    line.text(' gpa ');
    const gpa = line.prefixedAddress() as Gpa;
    const write = line.oneOf([' Write', ' Read']) === ' Write';
    const gpa_match = line.oneOf([' GPA', ' GVA']) === ' GPA';
    return { event: 'vcpu_match_mmio', gva, gpa, write, gpa_match };
  },

  kvm_fast_mmio(line) {
    line.text('fast mmio at gpa 0x');
    const gpa = line.hex() as Gpa;
    return { event: 'kvm_fast_mmio', gpa };
  },
};

/** libtraceevent's plugin leaves out the mode: `0:10409: 89 55 00`, and says FAIL behind it. */
function readBytes(line: LineCursor): { insn: string; flags: string; failed: boolean } {
  const text = line.rest().trim();
  const failed = text.endsWith(' FAIL');
  return { insn: failed ? text.slice(0, -' FAIL'.length) : text, flags: '', failed };
}
