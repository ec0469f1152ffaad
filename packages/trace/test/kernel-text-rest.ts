// The second half of kernel-text.ts: shadow pages, notifiers, rings, devices, nested guests, host.
import type { ShadowPageRole, TraceBody } from '../src/index.ts';
import { flag, hex, padded, word } from './kernel-number.ts';

const ACCESS = ['---', '--x', 'w--', 'w-x', '-u-', '-ux', 'wu-', 'wux'];

interface Page {
  readonly mmu_valid_gen: number;
  readonly gfn: number;
  readonly role: ShadowPageRole;
  readonly root_count: number;
  readonly unsync: boolean;
}

function page({ mmu_valid_gen, gfn, role, root_count, unsync }: Page): string {
  const { level, gpte_bytes, quadrant, direct, access, invalid, efer_nx, ad_disabled } = role;
  return (
    `sp gen ${mmu_valid_gen} gfn ${hex(gfn)} l${level} ${gpte_bytes}-byte q${quadrant}` +
    `${direct ? ' direct' : ''} ${ACCESS[access]}${invalid ? ' invalid' : ''} ` +
    `${efer_nx ? '' : '!'}nxe ${ad_disabled ? '!' : ''}ad root ${root_count} ${unsync ? 'un' : ''}sync`
  );
}

const ring = (body: { index: number; dirty_index: number; reset_index: number }): string =>
  `ring ${body.index}: dirty 0x${hex(body.dirty_index)} reset 0x${hex(body.reset_index)}`;

const used = (body: { dirty_index: number; reset_index: number }): string =>
  ` (used ${body.dirty_index - body.reset_index})`;

const writable = (body: { writable?: boolean }): string =>
  body.writable === undefined ? '' : `, writable=${flag(body.writable)}`;

const args = (body: object): string =>
  `(${Object.entries(body)
    .slice(1)
    .map(([name, value]) => `${name}: ${hex(value)}`)
    .join(', ')})`;

export function restText(body: TraceBody): string {
  switch (body.event) {
    case 'kvm_mmu_get_page':
      return `${page(body)} ${body.created ? 'new' : 'existing'}`;
    case 'kvm_mmu_sync_page':
    case 'kvm_mmu_unsync_page':
    case 'kvm_mmu_prepare_zap_page':
      return page(body);
    case 'kvm_mmu_zap_all_fast':
      return `kvm-mmu-valid-gen ${body.mmu_valid_gen} used_pages ${hex(body.mmu_used_pages)}`;
    case 'kvm_mmu_pagetable_walk':
      return `addr ${hex(body.addr)} pferr ${hex(body.pferr)}`;
    case 'kvm_mmu_paging_element':
      return `pte ${word(body.pte)} level ${body.level}`;
    case 'kvm_mmu_walker_error':
      return `pferr ${hex(body.pferr)}`;
    case 'kvm_mmu_set_accessed_bit':
    case 'kvm_mmu_set_dirty_bit':
      return `gpa ${hex(body.gpa)}`;
    case 'kvm_set_spte_hva':
      return `mmu notifier set pte hva: 0x${padded(body.hva, 14)}`;
    case 'kvm_age_hva':
      return `mmu notifier age hva: 0x${padded(body.start, 14)} -- 0x${padded(body.end, 14)}`;
    case 'kvm_test_age_hva':
      return `mmu notifier test age hva: 0x${padded(body.hva, 14)}`;
    case 'kvm_dirty_ring_push':
      return `${ring(body)} slot ${body.slot} offset 0x${hex(body.offset)}${used(body)}`;
    case 'kvm_dirty_ring_reset':
      return ring(body) + used(body);
    case 'kvm_dirty_ring_exit':
      return `vcpu ${body.vcpu_id}`;
    case 'kvm_pml_full':
      return `vcpu ${body.vcpu_id}: PML full`;
    case 'kvm_userspace_exit':
      return `reason ${body.reason} (${body.code})`;
    case 'kvm_emulate_insn':
      return `${hex(body.csbase)}:${hex(body.rip)}:${body.insn} (${body.flags})${body.failed ? ' failed' : ''}`;
    case 'kvm_mmio':
      return `mmio ${body.type} len ${body.len} gpa 0x${hex(body.gpa)} val 0x${word(body.val)}`;
    case 'vcpu_match_mmio':
      return (
        `gva 0x${hex(body.gva)} gpa 0x${hex(body.gpa)} ` +
        `${body.write ? 'Write' : 'Read'} ${body.gpa_match ? 'GPA' : 'GVA'}`
      );
    case 'kvm_fast_mmio':
      return `fast mmio at gpa 0x${hex(body.gpa)}`;
    case 'kvm_inj_exception': {
      const code = body.error_code === undefined ? '' : ` (0x${hex(body.error_code)})`;
      return `${body.exception}${code}${body.reinjected ? ' [reinjected]' : ''}`;
    }
    case 'kvm_hypercall':
      return `nr 0x${hex(body.nr)} ${body.args.map((arg, n) => `a${n} 0x${word(arg)}`).join(' ')}`;
    case 'kvm_ack_irq':
      return `irqchip ${body.irqchip} pin ${body.pin}`;
    case 'kvm_set_irq':
      return `gsi ${body.gsi} level ${body.level} source ${body.irq_source_id}`;
    case 'kvm_vcpu_wakeup':
      return (
        `${body.waited ? 'wait' : 'poll'} time ${body.ns} ns, ` +
        `polling ${body.valid ? 'valid' : 'invalid'}`
      );
    case 'kvm_try_async_get_page':
      return `gva = 0x${hex(body.gva)}, gfn = 0x${hex(body.gfn)}`;
    default:
      return hostText(body);
  }
}

function hostText(body: TraceBody): string {
  switch (body.event) {
    case 'kvm_nested_vmexit_inject':
      return (
        `reason: ${body.reason} ext_inf1: 0x${padded(word(body.info1), 16)} ` +
        `ext_inf2: 0x${padded(word(body.info2), 16)} ext_int: 0x${padded(body.intr_info, 8)} ` +
        `ext_int_err: 0x${padded(body.error_code, 8)}`
      );
    case 'kvm_nested_vmenter':
      return (
        `rip: 0x${padded(body.rip, 16)} vmcb: 0x${padded(body.vmcb, 16)} ` +
        `nested_rip: 0x${padded(body.nested_rip, 16)} int_ctl: 0x${padded(body.int_ctl, 8)} ` +
        `event_inj: 0x${padded(body.event_inj, 8)} nested_npt=${body.tdp_enabled ? 'y' : 'n'} ` +
        `${body.tdp_enabled ? 'nested_cr3' : 'guest_cr3'}: 0x${padded(body.guest_pgd, 16)}`
      );
    case 'kvm_nested_vmenter_failed':
      return body.msg;
    case 'kvm_nested_intercepts':
      return (
        `cr_read: ${padded(body.cr_read, 4)} cr_write: ${padded(body.cr_write, 4)} ` +
        `excp: ${padded(body.exceptions, 8)} ` +
        `intercepts: ${body.intercepts.map((bits) => padded(bits, 8)).join(' ')}`
      );
    case 'kvm_track_tsc':
      return (
        `vcpu_id ${body.vcpu_id} masterclock ${body.use_master_clock} ` +
        `offsetmatched ${body.nr_vcpus_matched_tsc} nr_online ${body.online_vcpus} ` +
        `hostclock ${body.host_clock}`
      );
    case 'kvm_update_master_clock':
      return (
        `masterclock ${body.use_master_clock} hostclock ${body.host_clock} ` +
        `offsetmatched ${body.offset_matched}`
      );
    case 'kvm_write_tsc_offset':
      return `vcpu=${body.vcpu_id} prev=${body.previous_tsc_offset} next=${body.next_tsc_offset}`;
    case 'kvm_apicv_inhibit_changed':
      return `${body.set ? 'set' : 'cleared'} reason=${body.reason}, inhibits=0x${hex(body.inhibits)}`;
    case 'mm_collapse_huge_page':
      return `mm=${hex(body.mm)}, isolated=${body.isolated}, status=${body.status}`;
    case 'mm_collapse_huge_page_isolate':
      return (
        `scan_pfn=0x${hex(body.scan_pfn)}, none_or_zero=${body.none_or_zero}, ` +
        `referenced=${body.referenced}${writable(body)}, status=${body.status}`
      );
    case 'mm_khugepaged_scan_pmd':
      return (
        `mm=${hex(body.mm)}, scan_pfn=0x${hex(body.scan_pfn)}${writable(body)}, ` +
        `referenced=${body.referenced}, none_or_zero=${body.none_or_zero}, ` +
        `status=${body.status}, unmapped=${body.unmapped}`
      );
    default:
      return 'ret' in body ? `0x${hex(body.ret)}` : args(body);
  }
}
