// Result: Sometimes; with the flush before the lock is given up: Never.
//
// A notifier of two pages gives mmu_lock up between them, with the flush for the first still owed. Another notifier of that
// page finds it zapped, owes nothing, and its host uses it.
// Source: KVM commits a835429cda91 and 33a3164161fc (2021).
import type { Litmus } from '../litmus.ts';
import { brokenAndRepaired } from './pair.ts';
import { B15, type Stretches, shipped, yieldRace } from './yields.ts';

/** As inStretches(), which is told that nothing is owed until the end. */
const owesUntilTheEnd: Stretches = (mem, vm, range, zap) => {
  let flush = false;
  shipped(mem, vm, range, (stretch) => {
    flush = zap(stretch) || flush;
    return false;
  });
  return flush;
};

export const YIELDS_WITH_A_FLUSH_OWED: readonly Litmus[] = brokenAndRepaired<Stretches>({
  name: 'b15-yields-with-a-flush-owed',
  title: 'A notifier yields mmu_lock between two pages with a flush owed for the first',
  violates: B15,
  source: 'KVM commits a835429cda91 and 33a3164161fc (2021)',
  story:
    'The first page is zapped, its flush is to come with that of the second. Another notifier takes the lock that was ' +
    'given up, finds nothing mapped and flushes nothing; its host uses the page while a vCPU still stores through its TLB.',
  fix: 'Flush before the lock is given up.',
  links: ['https://git.kernel.org/linus/a835429cda91', 'https://git.kernel.org/linus/33a3164161fc'],
  broken: owesUntilTheEnd,
  repaired: shipped,
  make: (name, stretches) => yieldRace(name, stretches, 'another host'),
});
