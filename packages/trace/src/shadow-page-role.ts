// The word that says what a shadow page is for. Formats print it by code (`({ ... })`) that no reader can run, so it is taken
// apart here. KVM: union kvm_mmu_page_role; the bits are the same from 6.1 to 6.12.
//
//   0-3 level  4 has_4_byte_gpte  5-6 quadrant  7 direct  8-10 access  11 invalid  12 efer_nx  13 cr0_wp
//   14 smep_andnot_wp  15 smap_andnot_wp  16 ad_disabled  17 guest_mode  18 passthrough  24-31 smm
import type { ShadowPageRole } from './mmu-event.ts';

const bits = (word: number, from: number, count: number): number =>
  (word >>> from) & ((1 << count) - 1);

export const roleOf = (word: number): ShadowPageRole => ({
  level: bits(word, 0, 4),
  gpte_bytes: bits(word, 4, 1) ? 4 : 8,
  quadrant: bits(word, 5, 2),
  direct: bits(word, 7, 1) === 1,
  access: bits(word, 8, 3),
  invalid: bits(word, 11, 1) === 1,
  efer_nx: bits(word, 12, 1) === 1,
  ad_disabled: bits(word, 16, 1) === 1,
});
