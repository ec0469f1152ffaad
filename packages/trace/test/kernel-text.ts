// Prints a decoded body as the kernel had printed it, so that a test can see that nothing was lost or bent on the way in.
import type { Halves, TraceBody } from '../src/index.ts';

const hex = (value: number): string => BigInt.asUintN(64, BigInt(value)).toString(16);
const padded = (value: number | string, digits: number): string =>
  (typeof value === 'number' ? hex(value) : value).padStart(digits, '0');
const word = ({ low, high }: Halves): string =>
  ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16);

const NAMES = ['P', 'W', 'U', 'RSVD', 'F'];

function errorCode(code: number): string {
  const named = NAMES.filter((_, bit) => (code & (1 << bit)) !== 0);
  const rest = code - (code % 2 ** NAMES.length);
  return [...named, ...(rest > 0 ? [`0x${hex(rest)}`] : [])].join('|');
}

/** The body's text, without the columns that the reader leaves out: rights, interrupt info, rmap items. */
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
      return (
        `vcpu ${body.vcpu_id} reason ${body.reason} rip 0x${hex(body.rip)} ` +
        `info1 0x${padded(word(body.info1), 16)} info2 0x${padded(word(body.info2), 16)}`
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
    default:
      return JSON.stringify(body.marker);
  }
}

/** The same columns left out of the kernel's own text. */
export const withoutUnkeptColumns = (text: string): string =>
  text
    .replace(/ \([rwxu-]+\)/, '')
    .replace(/ intr_info 0x\w+ error_code 0x\w+$/, '')
    .replace(/ rmap_item \w+/, '')
    .replace(/( mm \w+)(?= error)/, '');
