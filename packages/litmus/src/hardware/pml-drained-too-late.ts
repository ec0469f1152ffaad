// Result: Sometimes; with the buffer emptied before anybody sees the vCPU outside: Never.
//
// Hardware has logged a store in the vCPU's own buffer. The vCPU is seen outside, the last harvest is taken, and then the
// buffer is emptied.
// Source: vmx_handle_exit() of KVM, which empties the buffer first of all.
import { type Shared, setMode } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  enterGuest,
  flushPmlBuffer,
  getDirtyLog,
  leaveGuest,
  OUTSIDE_GUEST_MODE,
  pauseVcpus,
  resumeVcpus,
  type Vcpu,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, isInGuest, isTold } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, hvn0, touch } from '../small-vm.ts';

type Leave = (mem: Shared, vcpu: Vcpu) => void;

interface LastHarvest {
  readonly content: number;
  readonly told: boolean;
}

/** The last round of a migration beside a vCPU that stores and leaves. */
export const lastHarvest = (name: string, leave: Leave, vm: Race['vm'] = {}): Program =>
  race({
    name,
    vm: { ...vm, pml: true },
    setup(mem, own) {
      touch(mem, own, gfn0);
      harvestAll(mem, own);
    },
    vcpus: [
      {
        outside(mem, vm, vcpu) {
          enterGuest(mem, vm, vcpu);
          guestWrite(gfn0, 1)(mem, vm, vcpu);
          leave(mem, vcpu);
        },
      },
    ],
    agents: {
      migration(mem, vm): LastHarvest {
        pauseVcpus(mem, vm);
        getDirtyLog(mem, vm, 0);
        const last = { content: contentOf(mem, vm, hvn0), told: isTold(mem, vm, hvn0) };
        resumeVcpus(mem, vm);
        return last;
      },
    },
    finally: {
      'the last harvest tells of all that was written': (_mem, _vm, { migration }) => {
        const { content, told } = migration as LastHarvest;
        return content === 0 || told;
      },
    },
    sometimes: {
      'the vCPU is outside and has stored': (mem, vm) =>
        contentOf(mem, vm, hvn0) === 1 && !isInGuest(mem, 0),
    },
    oops: 'the destination never gets what the guest stored last',
  });

export const PML_DRAINED_TOO_LATE: readonly Litmus[] = brokenAndRepaired<Leave>({
  name: 'pml-drained-too-late',
  title: 'A vCPU is seen outside with its page-modification log still full',
  violates: 'the last harvest tells of all that was written',
  source: 'KVM, vmx_handle_exit()',
  story:
    'A store sets D and is logged in a buffer that only the vCPU sees. It leaves the guest; whoever migrates it finds it ' +
    'outside, takes the last harvest and sends the rest. Then the vCPU hands on what hardware had logged.',
  fix: 'Empty the buffer before the mode says OUTSIDE, and before requests are taken.',
  links: [],
  broken(mem, { fault, pml }) {
    setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
    flushPmlBuffer(mem, pml, fault.memslots);
  },
  repaired: leaveGuest,
  make: lastHarvest,
});
