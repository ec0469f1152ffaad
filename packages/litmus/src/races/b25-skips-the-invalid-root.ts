// Result: Sometimes; with all roots visited: Never.
//
// A root is given up, and not zapped yet, when the host takes a page away. Its notifier looks at the valid root alone.
// Source: KVM commits 7533377215b6 (November 2021) and 04dc4e6ce274.
import type { Shared } from '@faultline/atomics';
import {
  flushRemoteTlbs,
  invalidRoot,
  isShadowPresent,
  type Pfn,
  PG_DIRTY,
  pageFlags,
  type Vm,
  validRoot,
  zapAllFast,
  zapLeafs,
  zapLeafsOf,
} from '@faultline/mmu';
import { forgetPageFlags } from '../hardware/written-page.ts';
import type { Litmus } from '../litmus.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

/** Zaps the leaves of a range; whether a flush is owed. */
type Zap = typeof zapLeafs;

/** As a notifier does; then asks whether the page was written since it was last written out. */
const takeAway =
  (zap: Zap) =>
  (mem: Shared, vm: Vm): boolean => {
    mem.writeLock(vm.at.mmu_lock);
    if (zap(mem, vm, { start: gfn0, end: gfn1 })) flushRemoteTlbs(mem, vm);
    mem.writeUnlock(vm.at.mmu_lock);
    return (pageFlags(mem, vm, 0 as Pfn) & PG_DIRTY) !== 0;
  };

export const SKIPS_THE_INVALID_ROOT: readonly Litmus[] = brokenAndRepaired<Zap>({
  name: 'b25-skips-the-invalid-root',
  title: 'The host takes a page while the root that maps it is given up and not zapped yet',
  violates: 'the host knows that the page was written',
  source: 'KVM commits 7533377215b6 (November 2021) and 04dc4e6ce274',
  story:
    'The VMM deletes a slot, so the root is given up. Before its leaves are zapped the host takes one of their pages. The ' +
    'notifier finds nothing under the new root. The old leaf, which alone says that the page was written, tells it too late. ' +
    'KVM told a page of it that had been freed since.',
  fix:
    'Visit every root until it is zapped. No flush is owed for what is found there. (The other mistake of 2021, to yield with a ' +
    'bare pointer to a root that may be freed meanwhile, cannot be made here: two frames take turns.)',
  links: ['https://git.kernel.org/linus/7533377215b6'],
  broken: (mem, vm, range) => zapLeafsOf(mem, vm, validRoot(mem, vm), range),
  repaired: zapLeafs,
  make: (name, zap) =>
    race({
      name,
      flags: 0,
      vm: { hostPages: 1, pageFrames: 1 },
      setup(mem, vm) {
        touch(mem, vm, gfn0, 1);
        forgetPageFlags(mem, vm);
      },
      vcpus: [{ outside: () => undefined }],
      agents: { vmm: zapAllFast, host: takeAway(zap) },
      finally: {
        'the host knows that the page was written': (_mem, _vm, { host }) => host === true,
      },
      sometimes: {
        'the page is mapped under the invalid root alone': (mem, vm) =>
          isShadowPresent(mem.load64(invalidRoot(mem, vm))) && mem.load32(vm.at.mmu_lock) === 0,
      },
      oops: 'the host drops the page as clean, and what the guest stored is gone',
    }),
});
