// Prints a decoded body as the kernel had printed it, so that a test can see that nothing was lost or bent on the way in.
import type { TraceBody } from '../src/index.ts';
import { hex, padded, word } from './kernel-number.ts';
import { restText } from './kernel-text-rest.ts';

const NAMES = ['P', 'W', 'U', 'RSVD', 'F'];

function errorCode(code: number): string {
  const named = NAMES.filter((_, bit) => (code & (1 << bit)) !== 0);
  const rest = code - (code % 2 ** NAMES.length);
  return [...named, ...(rest > 0 ? [`0x${hex(rest)}`] : [])].join('|');
}

/** The body's text, without the columns that the reader leaves out: rights, rmap items, names of bits. */
export function kernelText(body: TraceBody): string {
  switch (body.event) {
    case 'fast_page_fault':
      return (
        `vcpu ${body.vcpu_id} gva ${hex(body.cr2_or_gpa)} error_code ${errorCode(body.error_code)} ` +
        `sptep ${padded(body.sptep, 16)} old 0x${word(body.old_spte)} new ${word(body.new_spte)} ` +
        `spurious ${Number(body.spurious)} fixed ${Number(body.fixed)}`
      );
    case 'kvm_page_fault':
      return (
        `vcpu ${body.vcpu_id} rip 0x${hex(body.rip)} address 0x${padded(body.fault_address, 16)} ` +
        `error_code 0x${hex(body.error_code)}`
      );
    case 'kvm_mmu_set_spte':
      return `gfn ${hex(body.gfn)} spte ${word(body.spte)} level ${body.level} at ${hex(body.sptep)}`;
    case 'kvm_tdp_mmu_spte_changed':
      return (
        `as id ${body.as_id} gfn ${hex(body.gfn)} level ${body.level} ` +
        `old_spte ${word(body.old_spte)} new_spte ${word(body.new_spte)}`
      );
    case 'kvm_mmu_spte_requested':
      return `gfn ${hex(body.gfn)} pfn ${hex(body.pfn)} level ${body.level}`;
    case 'kvm_mmu_split_huge_page':
      return `gfn ${hex(body.gfn)} spte ${word(body.spte)} level ${body.level} errno ${body.errno}`;
    case 'mark_mmio_spte':
      return `sptep:${padded(body.sptep, 16)} gfn ${hex(body.gfn)} access ${hex(body.access)} gen ${hex(body.gen)}`;
    case 'handle_mmio_page_fault':
      return `addr:${hex(body.addr)} gfn ${hex(body.gfn)} access ${hex(body.access)}`;
    case 'check_mmio_spte':
      return (
        `spte ${word(body.spte)} kvm_gen ${hex(body.kvm_gen)} spte-gen ${hex(body.spte_gen)} ` +
        `valid ${Number(body.valid)}`
      );
    case 'kvm_unmap_hva_range':
      return `mmu notifier unmap range: 0x${padded(body.start, 14)} -- 0x${padded(body.end, 14)}`;
    case 'kvm_entry':
      return `vcpu ${body.vcpu_id}, rip 0x${hex(body.rip)}`;
    case 'kvm_exit':
    case 'kvm_nested_vmexit':
      return (
        `vcpu ${body.vcpu_id} reason ${body.reason} rip 0x${hex(body.rip)} ` +
        `info1 0x${padded(word(body.info1), 16)} info2 0x${padded(word(body.info2), 16)} ` +
        `intr_info 0x${padded(body.intr_info, 8)} error_code 0x${padded(body.error_code, 8)}`
      );
    case 'ksm_merge_one_page':
    case 'ksm_merge_with_ksm_page':
      return `pfn ${body.pfn} error ${body.error}`;
    case 'ksm_start_scan':
    case 'ksm_stop_scan':
      return `seq ${body.seq} rmap size ${body.rmap_entries}`;
    case 'ksm_enter':
    case 'ksm_exit':
      return `mm ${hex(body.mm)}`;
    case 'ksm_remove_ksm_page':
      return `pfn ${body.pfn}`;
    case 'ksm_remove_rmap_item':
      return `pfn ${body.pfn} mm ${hex(body.mm)}`;
    case 'ksm_advisor':
      return `ksm scan time ${body.scan_time} pages_to_scan ${body.pages_to_scan} cpu percent ${body.cpu_percent}`;
    case 'marker':
    case 'other_marker':
      return JSON.stringify(body.marker);
    default:
      return restText(body);
  }
}

/** The same columns left out of the kernel's own text. */
export const withoutUnkeptColumns = (text: string): string =>
  text
    .replace(/ \([rwxu-]+\)/, '')
    .replace(/(pferr \w+) .*$/, '$1')
    .replace(/(inhibits=0x\w+) .*$/, '$1')
    .replace(/ rmap_item \w+/, '')
    .replace(/( mm \w+)(?= error)/, '');
