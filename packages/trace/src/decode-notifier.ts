// The host withdraws, ages or replaces its pages: mmu notifiers. KVM: include/trace/events/kvm.h.
import type { Hva } from '@faultline/mmu';
import type { Decoders } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';

/** Printed by `%#016lx`. */
const readHva = (line: LineCursor): Hva => {
  line.acceptPrefix();
  return line.hex() as Hva;
};

export const notifierDecoders: Decoders = {
  kvm_unmap_hva_range(line) {
    line.text('mmu notifier unmap range: ');
    const start = readHva(line);
    line.text(' -- ');
    const end = readHva(line);
    return { event: 'kvm_unmap_hva_range', start, end };
  },

  kvm_age_hva(line) {
    line.text('mmu notifier age hva: ');
    const start = readHva(line);
    line.text(' -- ');
    const end = readHva(line);
    return { event: 'kvm_age_hva', start, end };
  },

  kvm_test_age_hva(line) {
    line.text('mmu notifier test age hva: ');
    const hva = readHva(line);
    return { event: 'kvm_test_age_hva', hva };
  },

  kvm_set_spte_hva(line) {
    line.text('mmu notifier set pte hva: ');
    const hva = readHva(line);
    return { event: 'kvm_set_spte_hva', hva };
  },
};
