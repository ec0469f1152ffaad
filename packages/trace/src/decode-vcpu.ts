// In and out of the guest. KVM: arch/x86/kvm/trace.h, include/trace/events/kvm.h.
import type { Gfn, Gva } from '@faultline/mmu';
import { literal } from './byte-text.ts';
import { type Decoders, UNPARSED } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';
import { kernelExitReason } from './plugin-exit-reason.ts';
import { UNKNOWN_VCPU } from './vcpu-by-thread.ts';
import type { Exit, KvmExit, KvmInjException, KvmNestedVmexit } from './vcpu-event.ts';

// Of the events that come by the million.
const VCPU = literal('vcpu ');
const RIP = literal(' rip 0x');
const REASON = literal('reason ');
const INFO = literal(' info ');
const INFO1 = literal(' info1 0x');
const INFO2 = literal(' info2 0x');
const INTR_INFO = literal(' intr_info 0x');
const ERROR_CODE = literal(' error_code 0x');

/** An exit of a guest, or of its guest. */
export function readExit<Event extends (KvmExit | KvmNestedVmexit)['event']>(
  line: LineCursor,
  event: Event,
): Exit & { readonly event: Event } {
  const vcpu_id = line.accept(VCPU) ? line.decimal() : UNKNOWN_VCPU;
  if (vcpu_id !== UNKNOWN_VCPU) line.text(' ');
  line.text(REASON);
  // A reason may hold spaces (PF excp), so it goes up to the next column.
  const reason = line.stringBefore(' rip 0x');
  if (reason === '') line.fail('the name of an exit reason');
  const rip = line.address();
  if (line.accept(INFO)) return shortExit(line, { event, vcpu_id, reason, rip });
  line.text(INFO1);
  const info1 = line.halves();
  line.text(INFO2);
  const info2 = line.halves();
  line.text(INTR_INFO);
  const intr_info = line.hex();
  line.text(ERROR_CODE);
  const error_code = line.hex();
  return { event, vcpu_id, reason, rip, info1, info2, intr_info, error_code };
}

/** As trace-cmd and perf print it with libtraceevent's plugin: `reason EXIT_NPF rip 0x10000 info 200000006 100000`. */
function shortExit<Start extends Pick<Exit, 'vcpu_id' | 'reason' | 'rip'>>(
  line: LineCursor,
  start: Start,
): Start & Exit {
  const info1 = line.halves();
  line.text(' ');
  const info2 = line.halves();
  const reason = kernelExitReason(start.reason);
  return { ...start, reason, info1, info2, intr_info: 0, error_code: 0 };
}

export const vcpuDecoders: Decoders = {
  kvm_entry(line) {
    line.text(VCPU);
    const vcpu_id = line.decimal();
    // Old kernels say no rip; some tools leave out the comma.
    line.accept(',');
    const rip = line.accept(RIP) ? line.address() : 0;
    line.accept('[immediate exit]');
    return { event: 'kvm_entry', vcpu_id, rip };
  },

  kvm_exit: (line) => readExit(line, 'kvm_exit'),

  kvm_userspace_exit(line) {
    line.text('reason ');
    const reason = line.stringBefore(' (');
    const code = line.decimal();
    line.text(')');
    return { event: 'kvm_userspace_exit', reason, code };
  },

  kvm_inj_exception(line) {
    if (line.accept(UNPARSED)) return exceptionByFields(line);
    const exception = line.word(' ');
    const error_code = line.accept(' (') ? readParenthesized(line) : undefined;
    const reinjected = line.accept(' [reinjected]');
    return { event: 'kvm_inj_exception', exception, error_code, reinjected };
  },

  kvm_hypercall(line) {
    line.text('nr 0x');
    const nr = line.hex();
    line.text(' a0 0x');
    const a0 = line.halves();
    line.text(' a1 0x');
    const a1 = line.halves();
    line.text(' a2 0x');
    const a2 = line.halves();
    line.text(' a3 0x');
    const a3 = line.halves();
    return { event: 'kvm_hypercall', nr, args: [a0, a1, a2, a3] };
  },

  kvm_ack_irq(line) {
    line.text('irqchip ');
    const irqchip = line.stringBefore(' pin ');
    const pin = line.decimal();
    return { event: 'kvm_ack_irq', irqchip, pin };
  },

  kvm_set_irq(line) {
    line.text('gsi ');
    const gsi = line.decimal();
    line.text(' level ');
    const level = line.signedDecimal();
    line.text(' source ');
    const irq_source_id = line.signedDecimal();
    return { event: 'kvm_set_irq', gsi, level, irq_source_id };
  },

  kvm_vcpu_wakeup(line) {
    const waited = line.oneOf(['wait', 'poll']) === 'wait';
    line.text(' time ');
    const ns = line.signedDecimal();
    line.text(' ns, polling ');
    const valid = line.oneOf(['valid', 'invalid']) === 'valid';
    return { event: 'kvm_vcpu_wakeup', ns, waited, valid };
  },

  kvm_try_async_get_page(line) {
    line.text('gva = ');
    const gva = line.prefixedAddress() as Gva;
    line.text(', gfn = ');
    line.acceptPrefix();
    const gfn = line.hex() as Gfn;
    return { event: 'kvm_try_async_get_page', gva, gfn };
  },
};

/** Vectors with a name. Kernel: kvm_trace_sym_exc. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  0: '#DE',
  1: '#DB',
  3: '#BP',
  4: '#OF',
  5: '#BR',
  6: '#UD',
  7: '#NM',
  8: '#DF',
  10: '#TS',
  11: '#NP',
  12: '#SS',
  13: '#GP',
  14: '#PF',
  16: '#MF',
  17: '#AC',
  18: '#MC',
};

/** As trace-cmd prints it: `exception=14 has_error=1 error_code=3 reinjected=0`. */
function exceptionByFields(line: LineCursor): KvmInjException {
  line.text('exception=');
  const vector = line.decimal();
  line.text(' has_error=');
  const hasError = line.flag();
  line.text(' error_code=');
  const code = line.decimal();
  line.text(' reinjected=');
  const reinjected = line.flag();
  const exception = EXCEPTIONS[vector] ?? `0x${vector.toString(16)}`;
  const error_code = hasError ? code : undefined;
  return { event: 'kvm_inj_exception', exception, error_code, reinjected };
}

function readParenthesized(line: LineCursor): number {
  const code = line.prefixedAddress();
  line.text(')');
  return code;
}
