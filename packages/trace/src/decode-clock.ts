// A vCPU's clock and its virtual interrupt controller. KVM: arch/x86/kvm/trace.h.
import type { Decoders } from './decode.ts';

/** Where no format says what the number means, trace-cmd and perf print it. Kernel: enum vdso_clock_mode. */
const HOST_CLOCKS: readonly (readonly [number: string, name: string])[] = [
  ['0x0', 'none'],
  ['0x1', 'tsc'],
];
const hostClock = (text: string): string =>
  HOST_CLOCKS.find(([number]) => number === text)?.[1] ?? text;

export const clockDecoders: Decoders = {
  kvm_track_tsc(line) {
    line.text('vcpu_id ');
    const vcpu_id = line.decimal();
    line.text(' masterclock ');
    const use_master_clock = line.decimal();
    line.text(' offsetmatched ');
    const nr_vcpus_matched_tsc = line.decimal();
    line.text(' nr_online ');
    const online_vcpus = line.decimal();
    line.text(' hostclock ');
    const host_clock = hostClock(line.rest());
    return {
      event: 'kvm_track_tsc',
      vcpu_id,
      use_master_clock,
      nr_vcpus_matched_tsc,
      online_vcpus,
      host_clock,
    };
  },

  kvm_update_master_clock(line) {
    line.text('masterclock ');
    const use_master_clock = line.decimal();
    line.text(' hostclock ');
    const host_clock = hostClock(line.stringBefore(' offsetmatched '));
    const offset_matched = line.decimal();
    return { event: 'kvm_update_master_clock', use_master_clock, host_clock, offset_matched };
  },

  kvm_write_tsc_offset(line) {
    line.text('vcpu=');
    const vcpu_id = line.decimal();
    line.text(' prev=');
    const previous_tsc_offset = line.digits();
    line.text(' next=');
    const next_tsc_offset = line.digits();
    return { event: 'kvm_write_tsc_offset', vcpu_id, previous_tsc_offset, next_tsc_offset };
  },

  kvm_apicv_inhibit_changed(line) {
    const set = line.oneOf(['set', 'cleared']) === 'set';
    line.text(' reason=');
    const reason = line.decimal();
    line.text(', inhibits=0x');
    const inhibits = line.hex();
    // 6.12 names the bits, 6.1 does not.
    line.accept(' ');
    line.skipWord();
    return { event: 'kvm_apicv_inhibit_changed', set, reason, inhibits };
  },
};
