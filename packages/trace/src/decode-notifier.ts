// The host withdraws, ages or replaces its pages: mmu notifiers. KVM: include/trace/events/kvm.h.
import type { Hva } from '@faultline/mmu';
import type { Decoders } from './decode.ts';

export const notifierDecoders: Decoders = {
  kvm_unmap_hva_range(line) {
    line.text('mmu notifier unmap range: 0x');
    const start = line.hex() as Hva;
    line.text(' -- 0x');
    const end = line.hex() as Hva;
    return { event: 'kvm_unmap_hva_range', start, end };
  },

  kvm_age_hva(line) {
    line.text('mmu notifier age hva: 0x');
    const start = line.hex() as Hva;
    line.text(' -- 0x');
    const end = line.hex() as Hva;
    return { event: 'kvm_age_hva', start, end };
  },

  kvm_test_age_hva(line) {
    line.text('mmu notifier test age hva: 0x');
    const hva = line.hex() as Hva;
    return { event: 'kvm_test_age_hva', hva };
  },

  kvm_set_spte_hva(line) {
    line.text('mmu notifier set pte hva: 0x');
    const hva = line.hex() as Hva;
    return { event: 'kvm_set_spte_hva', hva };
  },
};
