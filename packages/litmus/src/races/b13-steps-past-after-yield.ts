// Result: Sometimes; with the walk taken up where it ended: Never.
//
// A zapper gives mmu_lock up on its way, begins again from the root, and steps past the first entry that it comes to.
// Source: KVM commit 3a0f64de479c (December 2021).

import type { Litmus } from '../litmus.ts';
import { brokenAndRepaired } from './pair.ts';
import { B13, type Stretches, shipped, yieldRace } from './yields.ts';

/** As inStretches(), but for the entry after each yield. */
const stepsPast: Stretches = (mem, vm, { start, end }, zap) =>
  shipped(mem, vm, { start, end }, (stretch) => {
    const from = stretch.start === start ? start : stretch.start + 1;
    return from < stretch.end && zap({ start: from as typeof start, end: stretch.end });
  });

export const STEPS_PAST_AFTER_YIELD: readonly Litmus[] = brokenAndRepaired<Stretches>({
  name: 'b13-steps-past-after-yield',
  title: 'A zapper that has yielded steps past the first entry, which stays mapped',
  violates: B13,
  source: 'KVM commit 3a0f64de479c (December 2021)',
  story:
    'A notifier zaps two pages. After the first it gives mmu_lock up; when it has it again it begins at the root, and ' +
    'steps on from there as from an entry that is done. The second page stays mapped while the host uses it.',
  fix: 'After a yield, do not advance: begin where the last stretch ended.',
  links: ['https://git.kernel.org/linus/3a0f64de479c'],
  broken: stepsPast,
  repaired: shipped,
  make: (name, stretches) => yieldRace(name, stretches, 'the only host'),
});
