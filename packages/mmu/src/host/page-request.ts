// Missing pages: whoever touches one asks for it and sleeps until it has come; a pager takes the requests, gets the content
// from wherever it is (a swap store, the other end of a network) and installs it. Linux: swap-in, and userfaultfd.
//
//   who touches it                     | pager
//   request[thread] := hvn + 1         | number read
//   number + 1, notify                 | requests looked at: none
//   pte missing still? then sleep      | sleep while the number is as read
//     until request[thread] is 0       | request[thread] |= TAKEN
//                                      | install: pte := frame; all requests for the page := 0, notify
//
// A thread has one request at most, so that there is room for all of them. What counts is the pte: a page may be installed
// without having been asked for, and whoever is woken looks again. The sleep is on the request and not on the pte: a page that
// came and went to the same slot again would look as if it had never come, with its request gone. Litmus:
// pager-sleeps-on-the-page.
import { type Shared, WAIT_TIMED_OUT } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { hostPtep, isHostPteMissing } from './host-pte.ts';

/** A pager is about to bring the page: no other takes the request. */
const TAKEN = 1 << 31;

const requestOf = (vm: Vm, thread: number): number => vm.at.page_requests + (thread << 2);
const requestFor = (hvn: Hvn): number => hvn + 1;

/** Asks for a page that was found missing, and sleeps until it has come; by then it may be gone again. Outside the guest. */
export function requestPage(mem: Shared, vm: Vm, hvn: Hvn): void {
  const request = requestOf(vm, mem.thread);
  mem.store32(request, requestFor(hvn));
  // After the request: a pager that has read the number before does not go to sleep, and finds the request. In the other
  // order it may look too early, and sleep with the request before its eyes. Litmus: pager-asked-late.
  mem.add32(vm.at.page_request_seq, 1);
  mem.notify(vm.at.page_request_seq);
  // After the request too: who installs the page before this look leaves nothing missing, and after it finds the request.
  if (isHostPteMissing(mem.load32(hostPtep(vm, hvn)))) mem.waitUntil(request, -1, 0);
  else mem.store32(request, 0); // it came unasked
}

/** Wakes all who sleep for the page. After its host pte has changed: in the other order they ask again, and nobody hears. */
export function answerPageRequests(mem: Shared, vm: Vm, hvn: Hvn): void {
  for (let thread = 0; thread < vm.vcpus + vm.agents; thread++) {
    for (;;) {
      const request = mem.load32(requestOf(vm, thread));
      if ((request & ~TAKEN) !== requestFor(hvn)) break;
      // Not a store: it may have been answered already, and be another page's by now.
      if (!mem.cmpxchg32(requestOf(vm, thread), request, 0)) continue;
      mem.notify(requestOf(vm, thread));
      break;
    }
  }
}

/** Takes one of the requests, if there is any: the page is to be installed then. Each is taken by one pager. */
export function nextPageRequest(mem: Shared, vm: Vm): Hvn | undefined {
  for (let thread = 0; thread < vm.vcpus + vm.agents; thread++) {
    const request = mem.load32(requestOf(vm, thread));
    if (request <= 0) continue;
    if (mem.cmpxchg32(requestOf(vm, thread), request, request | TAKEN)) return (request - 1) as Hvn;
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
