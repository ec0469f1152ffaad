// Lines of faults, as an AMD host with the TDP MMU prints them: time in microseconds, thread and event.
const VCPU = 177;

export const at = (us: number, event: string, thread = `vcpu0-${VCPU}`, cpu = 2): string =>
  `${thread.padStart(16)}     [00${cpu}] .....   ${(us / 1e6).toFixed(6)}: ${event}`;

export const entry = (us: number): string => at(us, 'kvm_entry: vcpu 0, rip 0x10000');

export const exit = (us: number, reason = 'npf'): string =>
  at(
    us,
    `kvm_exit: vcpu 0 reason ${reason} rip 0x10000 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000`,
  );

export const pageFault = (us: number, gfn: number, code: number | string): string =>
  at(
    us,
    `kvm_page_fault: vcpu 0 rip 0x10000 address 0x${(gfn * 4096 + 8).toString(16).padStart(16, '0')} error_code 0x${code.toString(16)}`,
  );

export type Ret = 'fixed' | 'spurious' | 'invalid';

export const fast = (us: number, gfn: number, ret: Ret, from: string, to = from): string =>
  at(
    us,
    `fast_page_fault: vcpu 0 gva ${(gfn * 4096 + 8).toString(16)} error_code P|W|U|0x100000000 sptep ffff888103476468 ` +
      `old 0x${from} new ${to} spurious ${ret === 'spurious' ? 1 : 0} fixed ${ret === 'fixed' ? 1 : 0}`,
  );

export const requested = (us: number, gfn: number, level = 1): string =>
  at(us, `kvm_mmu_spte_requested: gfn ${gfn.toString(16)} pfn 123ab level ${level}`);

export const setSpte = (us: number, gfn: number, level = 1): string =>
  at(
    us,
    `kvm_mmu_set_spte: gfn ${gfn.toString(16)} spte 123ab${level > 1 ? 'ee7' : 'e67'} (rwxu) level ${level} at 103478800`,
  );

export const changed = (
  us: number,
  gfn: number,
  from: string,
  to: string,
  thread?: string,
  level = 1,
): string =>
  at(
    us,
    `kvm_tdp_mmu_spte_changed: as id 0 gfn ${gfn.toString(16)} level ${level} old_spte ${from} new_spte ${to}`,
    thread,
  );

export const unmap = (us: number, start: number, end: number, thread: string): string =>
  at(
    us,
    `kvm_unmap_hva_range: mmu notifier unmap range: 0x${start.toString(16).padStart(14, '0')} -- 0x${end.toString(16).padStart(14, '0')}`,
    thread,
    1,
  );

export const marker = (us: number, of: object): string =>
  at(us, `tracing_mark_write: ${JSON.stringify(of)}`, 'kvmw-174');

export const NOTHING = '8000000000000000';
export const READ_ONLY = '123ab825';
export const PROTECTED = '123abe65';
export const WRITABLE = '123abe67';
export const HUGE_PROTECTED = '12200ee5';
