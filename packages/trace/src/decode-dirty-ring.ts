// Hardware's and KVM's logs of dirty pages. Their `used` column is the difference of the two before it.
// KVM: include/trace/events/kvm.h; kvm_pml_full: arch/x86/kvm/trace.h.
import type { Decoders } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';

function readIndices(line: LineCursor): { index: number; dirty: number; reset: number } {
  line.text('ring ');
  const index = line.signedDecimal();
  line.text(': dirty 0x');
  const dirty = line.hex();
  line.text(' reset 0x');
  const reset = line.hex();
  return { index, dirty, reset };
}

function passUsed(line: LineCursor): void {
  line.text(' (used ');
  line.decimal();
  line.text(')');
}

export const dirtyRingDecoders: Decoders = {
  kvm_dirty_ring_push(line) {
    const { index, dirty: dirty_index, reset: reset_index } = readIndices(line);
    line.text(' slot ');
    const slot = line.decimal();
    line.text(' offset 0x');
    const offset = line.hex();
    passUsed(line);
    return { event: 'kvm_dirty_ring_push', index, dirty_index, reset_index, slot, offset };
  },

  kvm_dirty_ring_reset(line) {
    const { index, dirty: dirty_index, reset: reset_index } = readIndices(line);
    passUsed(line);
    return { event: 'kvm_dirty_ring_reset', index, dirty_index, reset_index };
  },

  kvm_dirty_ring_exit(line) {
    line.text('vcpu ');
    const vcpu_id = line.signedDecimal();
    return { event: 'kvm_dirty_ring_exit', vcpu_id };
  },

  kvm_pml_full(line) {
    line.text('vcpu ');
    const vcpu_id = line.signedDecimal();
    line.text(': PML full');
    return { event: 'kvm_pml_full', vcpu_id };
  },
};
