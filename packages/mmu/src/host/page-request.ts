// Missing pages: whoever touches one asks for it and sleeps on its host pte; a pager takes the requests, gets the content
// from wherever it is (a swap store, the other end of a network) and installs it. Linux: swap-in, and userfaultfd.
//
//   who touches it                     | pager
//   request[thread] := hvn + 1         | number read
//   number + 1, notify                 | requests looked at: none
//   sleep while the pte is as seen     | sleep while the number is as read
//                                      | install: pte := frame, notify the pte
//
// A thread has one request at most, so that there is room for all of them. A request is a hint: what counts is the pte, and
// a page may be installed without having been asked for.
import { type Shared, WAIT_TIMED_OUT } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { hostPtep } from './host-pte.ts';

const requestOf = (vm: Vm, thread: number): number => vm.at.page_requests + (thread << 2);

/** Asks for the page that `missing` says is not there, and sleeps until its host pte has changed. Outside the guest. */
export function requestPage(mem: Shared, vm: Vm, hvn: Hvn, missing: number): void {
  mem.store32(requestOf(vm, mem.thread), hvn + 1);
  // After the request: a pager that has read the number before does not go to sleep, and finds the request. In the other
  // order it may look too early, and sleep with the request before its eyes. Litmus: pager-asked-late.
  mem.add32(vm.at.page_request_seq, 1);
  mem.notify(vm.at.page_request_seq);
  mem.waitWhile(hostPtep(vm, hvn), missing);
  mem.store32(requestOf(vm, mem.thread), 0); // it may have come unasked
}

/** Takes one of the requests, if there is any. Each is taken by one pager. */
export function nextPageRequest(mem: Shared, vm: Vm): Hvn | undefined {
  for (let thread = 0; thread < vm.vcpus + vm.agents; thread++) {
    if (mem.load32(requestOf(vm, thread)) === 0) continue;
    const request = mem.xchg32(requestOf(vm, thread), 0);
    if (request !== 0) return (request - 1) as Hvn;
  }
  return undefined;
}

/** Takes a request; sleeps until there is one, or `ms` milliseconds have gone by without (for ever if not given). */
export function waitForPageRequest(mem: Shared, vm: Vm, ms?: number): Hvn | undefined {
  for (;;) {
    // Before the look, so that a request after it changes what the sleep compares. Litmus: pager-looks-first.
    const seen = mem.load32(vm.at.page_request_seq);
    const hvn = nextPageRequest(mem, vm);
    if (hvn !== undefined) return hvn;
    if (mem.wait(vm.at.page_request_seq, seen, ms) === WAIT_TIMED_OUT) return undefined;
  }
}
