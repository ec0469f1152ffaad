// Shadow pages, and walks of the guest's own tables. KVM: arch/x86/kvm/mmu/mmutrace.h, KVM_MMU_PAGE_PRINTK.
//
//   sp gen 0 gfn 200 l1 8-byte q0 direct wux invalid !nxe !ad root 0 unsync
import type { Gfn, Gpa, Gva } from '@faultline/mmu';
import { type Decode, type Decoders, FOREIGN } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';
import type { KvmMmuPage, KvmMmuSetBit, ShadowPageRole } from './mmu-event.ts';

/** As printed, by the three bits of an access. */
const ACCESS = ['---', '--x', 'w--', 'w-x', '-u-', '-ux', 'wu-', 'wux'] as const;

function readPage(line: LineCursor) {
  line.text('sp gen ');
  const mmu_valid_gen = line.decimal();
  line.text(' gfn ');
  const gfn = line.hex() as Gfn;
  const role = readRole(line);
  line.text(' root ');
  const root_count = line.decimal();
  const unsync = line.oneOf([' unsync', ' sync']) === ' unsync';
  return { mmu_valid_gen, gfn, role, root_count, unsync };
}

function readRole(line: LineCursor): ShadowPageRole {
  line.text(' l');
  const level = line.decimal();
  line.text(' ');
  const gpte_bytes = line.decimal();
  line.text('-byte q');
  const quadrant = line.decimal();
  const direct = line.accept(' direct');
  line.text(' ');
  const access = ACCESS.indexOf(line.oneOf(ACCESS) ?? '---');
  const invalid = line.accept(' invalid');
  const efer_nx = line.oneOf([' nxe', ' !nxe']) === ' nxe';
  const ad_disabled = line.oneOf([' ad', ' !ad']) === ' !ad';
  return { level, gpte_bytes, quadrant, direct, access, invalid, efer_nx, ad_disabled };
}

/** libtraceevent's plugin prints a page its own way, and its role wrongly: not decoded. */
const isOwnText = (line: LineCursor): boolean => {
  const from = line.at;
  const isOwn = line.accept('sp gen ');
  if (isOwn) line.at = from;
  else line.at = line.end;
  return isOwn;
};

const page =
  (event: KvmMmuPage['event']): Decode =>
  (line) =>
    isOwnText(line) ? { event, ...readPage(line) } : FOREIGN;

const setBit =
  (event: KvmMmuSetBit['event']): Decode =>
  (line) => {
    line.text('gpa ');
    const gpa = line.hex() as Gpa;
    return { event, gpa };
  };

/** The same bits follow by name. */
function readPferr(line: LineCursor): number {
  line.text('pferr ');
  const pferr = line.hex();
  line.accept(' ');
  line.skipWord();
  return pferr;
}

export const shadowDecoders: Decoders = {
  kvm_mmu_sync_page: page('kvm_mmu_sync_page'),
  kvm_mmu_unsync_page: page('kvm_mmu_unsync_page'),
  kvm_mmu_prepare_zap_page: page('kvm_mmu_prepare_zap_page'),
  kvm_mmu_set_accessed_bit: setBit('kvm_mmu_set_accessed_bit'),
  kvm_mmu_set_dirty_bit: setBit('kvm_mmu_set_dirty_bit'),

  kvm_mmu_get_page(line) {
    if (!isOwnText(line)) return FOREIGN;
    const found = readPage(line);
    const created = line.oneOf([' new', ' existing']) === ' new';
    return { event: 'kvm_mmu_get_page', ...found, created };
  },

  kvm_mmu_zap_all_fast(line) {
    line.text('kvm-mmu-valid-gen ');
    const mmu_valid_gen = line.decimal();
    line.text(' used_pages ');
    const mmu_used_pages = line.hex();
    return { event: 'kvm_mmu_zap_all_fast', mmu_valid_gen, mmu_used_pages };
  },

  kvm_mmu_pagetable_walk(line) {
    line.text('addr ');
    const addr = line.address() as Gva;
    line.text(' ');
    const pferr = readPferr(line);
    return { event: 'kvm_mmu_pagetable_walk', addr, pferr };
  },

  kvm_mmu_paging_element(line) {
    line.text('pte ');
    const pte = line.halves();
    line.text(' level ');
    const level = line.decimal();
    return { event: 'kvm_mmu_paging_element', pte, level };
  },

  kvm_mmu_walker_error(line) {
    const pferr = readPferr(line);
    return { event: 'kvm_mmu_walker_error', pferr };
  },
};
