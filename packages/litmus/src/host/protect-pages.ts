// Result: Never; with the right taken before it is refused to others: Sometimes.
//
// The VMM makes a page read-only for itself while a fault is about to be given the right to write it.
// Source: mmu/src/host/protect-pages.ts; Linux: mprotect() changes the VMA before the ptes.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  faultInHostPage,
  HOST_FAULT,
  HOST_PTE_PROTECTED,
  hostPtePfn,
  hostPtep,
  isHostPteProtected,
  isHostPteWritable,
  protectPages,
  putPage,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { framesAreAccountedFor } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, hostPte, hvn0, touch } from '../small-vm.ts';

type Protect = (mem: Shared, vm: Vm) => void;

const takesFirst: Protect = (mem, vm) => {
  writeProtectHostPage(mem, vm, hvn0);
  mem.lock(vm.at.host_page_table_lock);
  mem.or32(hostPtep(vm, hvn0), HOST_PTE_PROTECTED);
  mem.unlock(vm.at.host_page_table_lock);
};

const program = (name: string, { protect }: { readonly protect: Protect }): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0);
      writeProtectHostPage(mem, vm, hvn0);
    },
    vcpus: [
      {
        outside: (mem, vm) => {
          const pte = faultInHostPage(mem, vm, hvn0, true);
          if (pte !== HOST_FAULT) putPage(mem, vm, hostPtePfn(pte));
          return pte !== HOST_FAULT;
        },
      },
    ],
    agents: { vmm: protect },
    sometimes: {
      'the fault was first': (mem, vm) => isHostPteWritable(hostPte(mem, vm, hvn0)),
      'the VMM was first': (mem, vm) =>
        isHostPteProtected(hostPte(mem, vm, hvn0)) && !isHostPteWritable(hostPte(mem, vm, hvn0)),
    },
    finally: {
      'nobody may write the page': (mem, vm) => !isHostPteWritable(hostPte(mem, vm, hvn0)),
      'every frame has the references of its users': framesAreAccountedFor(),
    },
    oops: 'the VMM believes that the page stands still',
  });

export const PROTECT_PAGES: readonly Litmus[] = litmusesOf({
  source: 'mmu/src/host/protect-pages.ts; Linux: mprotect_fixup() changes the VMA, then the ptes',
  rule: 'First nobody is given the right any more, then whoever has it loses it.',
  links: [],
  program,
  holds: {
    'protect-pages': {
      title: 'The VMM makes a page read-only while a fault asks to write it',
      story: 'The fault is refused, or is first and loses the right again.',
      parts: { protect: (mem, vm) => protectPages(mem, vm, hvn0, 1) },
    },
  },
  breaks: {
    'protect-takes-first': {
      title: 'The VMM takes the right to write a page, then sees to it that nobody is given it',
      violates: 'nobody may write the page',
      story: 'A fault between the two is given W, and nobody takes it again.',
      fix: 'Refuse it first.',
      parts: { protect: takesFirst },
    },
  },
});
