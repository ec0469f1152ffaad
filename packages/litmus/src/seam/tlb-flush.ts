// Result: Never (a store after the flush); with each of the mistakes below: Sometimes.
//
// A mapping is taken away and the TLBs are flushed; then the page is the host's, and no guest stores to it any more.
// Source: KVM: kvm_make_all_cpus_request() and vcpu_enter_guest(); mmu/src/vm/vcpu-mode.ts.
import {
  MODE_STATE,
  type Mode,
  makeRequest,
  modeAddress,
  modeOf,
  requestsAddress,
  type Shared,
  seamMap,
  setMode,
  takeRequests,
  waitUntilSeen,
} from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { IN_GUEST_MODE, KVM_REQ_TLB_FLUSH, OUTSIDE_GUEST_MODE } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { waitingInWords } from './waiting-in-words.ts';

const VCPU = 0;
/** 1 while the page is mapped. */
const { wordsAt: MAPPED } = seamMap({ threads: 2, words: 64, frames: 0, frameBytes: 64, ram: 1 });
const PAGE = 0;

interface Handshake {
  /** Enters the guest; calls `flush` if it was asked to. */
  readonly enter: (mem: Shared, mode: Mode, flush: () => void) => void;
  /** Takes the mapping away, and returns when no TLB holds it. */
  readonly unmap: (mem: Shared) => void;
}

const flushAfterwards =
  (flush: (mem: Shared) => void): Handshake['unmap'] =>
  (mem) => {
    mem.store32(MAPPED, 0);
    flush(mem);
  };

const flush = (mem: Shared): void => {
  makeRequest(mem, VCPU, KVM_REQ_TLB_FLUSH);
  waitUntilSeen(mem, VCPU);
};

const shipped: Handshake = {
  enter(mem, mode, flushTlb) {
    while (setMode(mem, mode, IN_GUEST_MODE) !== 0) {
      takeRequests(mem, mode);
      flushTlb();
    }
  },
  unmap: flushAfterwards(flush),
};

/** As setMode() does it, but for the store. */
function enterByPlainStore(mem: Shared, mode: Mode, flushTlb: () => void): void {
  for (;;) {
    mode.word = ((mode.word | MODE_STATE) + 1) | IN_GUEST_MODE;
    mem.storePlain32(mode.address, mode.word);
    const pending = mem.load32(mode.requests);
    if (pending !== 0 || mode.taken) mem.notify(mode.address);
    mode.taken = false;
    if (pending === 0) return;
    takeRequests(mem, mode);
    flushTlb();
  }
}

function program(name: string, { enter, unmap }: Handshake): Program {
  return {
    name,
    setup: (mem) => mem.store32(MAPPED, 1),
    threads: {
      // Two stays in the guest, with what the TLB holds kept in between, and a poll in the first.
      vcpu(own) {
        const mem = waitingInWords(own);
        const mode = modeOf(VCPU);
        let tlb = false;
        const flushTlb = (): void => {
          tlb = false;
        };
        const store = (value: number): void => {
          if (!tlb) tlb = mem.load32(MAPPED) === 1;
          if (tlb) mem.guestStore(PAGE, value);
        };
        enter(mem, mode, flushTlb);
        store(1);
        if (mem.load32(mode.requests) !== 0) enter(mem, mode, flushTlb);
        store(2);
        setMode(mem, mode, OUTSIDE_GUEST_MODE);
        enter(mem, mode, flushTlb);
        store(3);
        setMode(mem, mode, OUTSIDE_GUEST_MODE);
      },
      host(own) {
        const mem = waitingInWords(own);
        unmap(mem);
        return mem.guestLoad(PAGE);
      },
    },
    finally: {
      'the page is as the host found it': (mem, { host }) => mem.guestLoad(PAGE) === host,
    },
    sometimes: {
      'the vCPU is asked while in the guest': (mem) =>
        (mem.load32(modeAddress(VCPU)) & MODE_STATE) === IN_GUEST_MODE &&
        mem.load32(requestsAddress(VCPU)) !== 0,
    },
    words: [
      { name: 'mapped', address: MAPPED },
      { name: 'mode', address: modeAddress(VCPU) },
      { name: 'requests', address: requestsAddress(VCPU) },
      { name: 'page', address: PAGE, object: 'ram' },
    ],
    oops: 'the host has the page for itself, and the guest stores to it through an old TLB entry',
  };
}

export const TLB_FLUSH: readonly Litmus[] = litmusesOf({
  source: 'KVM: kvm_make_all_cpus_request() and vcpu_enter_guest(); mmu/src/vm/vcpu-mode.ts',
  rule: 'Each side writes before it reads: request, then mode; mode, then requests.',
  links: ['https://docs.kernel.org/virt/kvm/vcpu-requests.html'],
  program,
  holds: {
    'tlb-flush': {
      title: 'A page is unmapped and flushed while a vCPU enters, stores, and leaves',
      story:
        'Either the one who asks sees the vCPU inside and waits, or the vCPU entered after that look, hence after the ' +
        'request, and sees it before it uses anything.',
      parts: shipped,
    },
  },
  breaks: {
    'tlb-flush-no-wait': {
      title: 'The host asks for a flush and does not wait until it is seen',
      violates: 'the page is as the host found it',
      story: 'The vCPU is between its look at the TLB and its store.',
      fix: 'Wait until the vCPU is outside, or has stored its mode since. KVM: KVM_REQUEST_WAIT.',
      parts: { unmap: flushAfterwards((mem) => void makeRequest(mem, VCPU, KVM_REQ_TLB_FLUSH)) },
    },
    'tlb-flush-before-unmapping': {
      title: 'The TLBs are flushed before the mapping is taken away',
      violates: 'the page is as the host found it',
      story: 'The vCPU flushes, walks, and fills its TLB from the entry that is still there.',
      fix: 'First the entry, then the flush.',
      parts: {
        unmap(mem) {
          flush(mem);
          mem.store32(MAPPED, 0);
        },
      },
    },
    'tlb-flush-looks-before-asking': {
      title: 'The host looks where the vCPU is, then makes its request',
      violates: 'the page is as the host found it',
      story:
        'The vCPU is outside at the look, enters, finds no request, and stores through what its TLB held.',
      fix: 'The request first: who enters after the look sees it.',
      parts: {
        unmap: flushAfterwards((mem) => {
          const mode = mem.load32(modeAddress(VCPU));
          makeRequest(mem, VCPU, KVM_REQ_TLB_FLUSH);
          if ((mode & MODE_STATE) === OUTSIDE_GUEST_MODE) return;
          if (mem.load32(requestsAddress(VCPU)) === 0) return;
          mem.waitWhile(modeAddress(VCPU), mode);
        }),
      },
    },
    'tlb-flush-enters-after-looking': {
      title: 'The vCPU looks at its requests, then says that it is in the guest',
      violates: 'the page is as the host found it',
      story:
        'It finds no request; the host makes one, sees it outside and goes on; it enters and stores.',
      fix: 'The mode first, then the requests.',
      parts: {
        enter(mem, mode, flushTlb) {
          if (mem.load32(mode.requests) !== 0) {
            takeRequests(mem, mode);
            flushTlb();
          }
          mode.word = ((mode.word | MODE_STATE) + 1) | IN_GUEST_MODE;
          mem.store32(mode.address, mode.word);
          mem.notify(mode.address);
          mode.taken = false;
        },
      },
    },
    'tlb-flush-plain-mode': {
      title:
        'The vCPU enters by a plain store, and looks at its requests before that store is seen',
      violates: 'the page is as the host found it',
      story:
        "On x86 a store waits in its processor's buffer while later loads go ahead: the vCPU reads its requests while " +
        'the others still see it outside. In any order of whole operations it does not happen.',
      fix: 'A full barrier between the two. KVM: smp_mb__after_srcu_read_unlock() in vcpu_enter_guest().',
      models: ['tso'],
      parts: { enter: enterByPlainStore },
    },
  },
});
