// Result: Never (the page changes in between, somebody sleeps for ever); with each of the mistakes below: Sometimes.
//
// The VMM pauses the vCPUs, reads a page twice, with a flush in between as a last harvest has it, and lets them go on.
// Source: QEMU: pause_all_vcpus(); mmu/src/vm/pause.ts.
import { makeRequest, type Shared, setMode, takeRequests } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  flushRemoteTlbs,
  IN_GUEST_MODE,
  pauseVcpus,
  poll,
  REQ_PAUSE,
  requestAllVcpus,
  resumeVcpus,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, touch } from '../small-vm.ts';
import { waitingInWords } from './waiting-in-words.ts';
import { withoutNotify } from './without.ts';

const PAGE = 0;

interface Pause {
  readonly pause: (mem: Shared, vm: Vm) => void;
  readonly resume: (mem: Shared, vm: Vm) => void;
  readonly poll: (mem: Shared, vm: Vm, vcpu: Vcpu) => void;
}

const shipped: Pause = { pause: pauseVcpus, resume: resumeVcpus, poll };

/** Takes its requests where it is, and says that it has been outside only when it goes on. */
function pollSleepingInside(mem: Shared, vm: Vm, { fault: { mode } }: Vcpu): void {
  if (mem.load32(mode.requests) === 0) return;
  if ((takeRequests(mem, mode) & REQ_PAUSE) !== 0) mem.waitWhile(vm.at.vcpus_paused, 1);
  setMode(mem, mode, IN_GUEST_MODE);
}

function program(name: string, parts: Pause): Program {
  return race({
    name,
    setup: (mem, vm) => touch(mem, vm, gfn0),
    vcpus: [
      (own, vm, vcpu) => {
        const mem = waitingInWords(own);
        guestWrite(gfn0, 1)(mem, vm, vcpu);
        parts.poll(mem, vm, vcpu);
        guestWrite(gfn0, 2)(mem, vm, vcpu);
      },
    ],
    agents: {
      vmm(own, vm) {
        const mem = waitingInWords(own);
        parts.pause(mem, vm);
        const before = mem.guestLoad(PAGE);
        flushRemoteTlbs(mem, vm);
        const after = mem.guestLoad(PAGE);
        parts.resume(mem, vm);
        return before === after;
      },
    },
    finally: {
      'the page stands still during the pause': (_mem, _vm, { vmm }) => vmm === true,
    },
    sometimes: {
      'the pause falls between the stores': (mem, vm) =>
        mem.guestLoad(PAGE) === 1 && mem.load32(vm.at.vcpus_paused) === 1,
    },
  });
}

export const PAUSE: readonly Litmus[] = litmusesOf({
  source: 'QEMU: pause_all_vcpus(); mmu/src/vm/pause.ts',
  rule: 'The word first, then the request; outside before the sleep; a notify after the word is 0.',
  links: ['https://docs.kernel.org/virt/kvm/vcpu-requests.html'],
  program,
  holds: {
    pause: {
      title: 'The VMM pauses a vCPU, flushes, and resumes it',
      story:
        'A vCPU that takes the request finds the word set, and sleeps outside until it is cleared.',
      parts: shipped,
    },
  },
  breaks: {
    'pause-asks-first': {
      title: 'The request to pause is made before the word says so',
      violates: 'the page stands still during the pause',
      story: 'The vCPU takes the request, finds that nothing is paused, and goes on.',
      fix: 'Set the word first.',
      parts: {
        pause(mem, vm) {
          requestAllVcpus(mem, vm, REQ_PAUSE);
          mem.store32(vm.at.vcpus_paused, 1);
        },
      },
    },
    'pause-does-not-wait': {
      title: 'The VMM asks for a pause and does not wait until it has begun',
      violates: 'the page stands still during the pause',
      story: 'The vCPU stores before it polls.',
      fix: 'Wait until every vCPU was seen outside.',
      parts: {
        pause(mem, vm) {
          mem.store32(vm.at.vcpus_paused, 1);
          for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) makeRequest(mem, vcpu, REQ_PAUSE);
        },
      },
    },
    'pause-sleeps-inside': {
      title: 'A paused vCPU sleeps without having left the guest',
      violates: 'deadlock',
      story:
        'The flush of the last harvest waits for the vCPU, which waits for the VMM to resume it.',
      fix: 'OUTSIDE before blocking on anything: then nobody waits for it.',
      parts: { poll: pollSleepingInside },
    },
    'resume-wakes-nobody': {
      title: 'The VMM clears the word and wakes nobody',
      violates: 'lost wakeup',
      story: 'The vCPU sleeps on a word that has changed.',
      fix: 'Notify after the store.',
      parts: { resume: (mem, vm) => resumeVcpus(withoutNotify(mem, vm.at.vcpus_paused), vm) },
    },
  },
});
