// Shadow pages, and walks of the guest's own tables. KVM: arch/x86/kvm/mmu/mmutrace.h, KVM_MMU_PAGE_PRINTK.
//
//   sp gen 0 gfn 200 l1 8-byte q0 direct wux invalid !nxe !ad root 0 unsync                                    the kernel
//   [FAILED TO PARSE] mmu_valid_gen=0 gfn=512 role=14081 root_count=0 unsync=1               trace-cmd and perf, no plugin
//   new sp gfn 200 1 q0 direct wux !pae nxe wp root 0 unsync            with the plugin, whose role is wrong: not decoded
import type { Gfn, Gpa, Gva } from '@faultline/mmu';
import { type Decode, type Decoders, FOREIGN, UNPARSED } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';
import type { KvmMmuPage, KvmMmuSetBit, ShadowPage, ShadowPageRole } from './mmu-event.ts';
import { roleOf } from './shadow-page-role.ts';

/** As printed, by the three bits of an access. */
const ACCESS = ['---', '--x', 'w--', 'w-x', '-u-', '-ux', 'wu-', 'wux'] as const;

function readPage(line: LineCursor): ShadowPage {
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

/** The fields one by one, as libtraceevent prints them where a format's text is made by code. */
function readFields(line: LineCursor): ShadowPage {
  line.text('mmu_valid_gen=');
  const mmu_valid_gen = line.decimal();
  line.text(' gfn=');
  const gfn = line.decimal() as Gfn;
  line.text(' role=');
  const role = roleOf(line.decimal());
  line.text(' root_count=');
  const root_count = line.decimal();
  line.text(' unsync=');
  const unsync = line.flag();
  return { mmu_valid_gen, gfn, role, root_count, unsync };
}

/** Undefined for the plugin's text, of which a page does not always say its gfn. */
function readAnyPage(line: LineCursor): ShadowPage | undefined {
  if (line.accept(UNPARSED)) return readFields(line);
  if (line.accept('sp gen ')) return readPage(line);
  line.at = line.end;
  return undefined;
}

const page =
  (event: KvmMmuPage['event']): Decode =>
  (line) => {
    const found = readAnyPage(line);
    return found === undefined ? FOREIGN : { event, ...found };
  };

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
    const found = readAnyPage(line);
    if (found === undefined) return FOREIGN;
    const created = line.accept(' created=')
      ? line.flag()
      : line.oneOf([' new', ' existing']) === ' new';
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
