// Races that KVM has had, one file each: with the mistake, and without it. Those that wait for a part of the MMU that is not
// here yet are listed in waiting.ts. Without a number: of large pages, by the orderings that their sources name.
import type { Litmus } from '../litmus.ts';
import { PROTECTS_BEFORE_TAKING } from './b-1-protects-before-taking.ts';
import { FLUSH_KEYED_ON_W } from './b0-flush-keyed-on-w.ts';
import { OPENS_A_LARGE_PAGE } from './b1-opens-a-large-page.ts';
import { RETRIES_FOR_EVER } from './b2-retries-for-ever.ts';
import { LEVEL_OF_THE_HOST } from './b3-level-of-the-host.ts';
import { KEEPS_MMU_WRITABLE } from './b4-keeps-mmu-writable.ts';
import { SKIPS_WHAT_HAS_NO_W } from './b5-skips-what-has-no-w.ts';
import { LOGGING_FLUSHES_NOTHING } from './b6-logging-flushes-nothing.ts';
import { PLAIN_STORE } from './b7-plain-store.ts';
import { NO_SECOND_LOOK } from './b9-no-second-look.ts';
import { NO_GENERATION_CHECK } from './b10-no-generation-check.ts';
import { STEPS_PAST_AFTER_YIELD } from './b13-steps-past-after-yield.ts';
import { FLUSH_AFTER_UNLOCK } from './b15-flush-after-unlock.ts';
import { YIELDS_WITH_A_FLUSH_OWED } from './b15-yields-with-a-flush-owed.ts';
import { KEEPS_AN_OLD_DECISION } from './b16-keeps-an-old-decision.ts';
import { RANGE_IN_HOST_PAGES } from './b19-range-in-host-pages.ts';
import { SECOND_SNAPSHOT } from './b23-second-snapshot.ts';
import { READS_THE_NEXT_LAP } from './b24-reads-the-next-lap.ts';
import { SKIPS_THE_INVALID_ROOT } from './b25-skips-the-invalid-root.ts';
import { DIRTY_BIT_LOST } from './b27-dirty-bit-lost.ts';
import { FORGETS_AN_OWED_FLUSH } from './b28-forgets-an-owed-flush.ts';
import { HOST_PTE_READ_TWICE } from './b29-host-pte-read-twice.ts';
import { MEMSLOTS_CHANGE_MEANWHILE } from './b30-memslots-change-meanwhile.ts';
import { COLLAPSE_COPIES_FIRST } from './collapse-copies-first.ts';
import { COLLAPSE_COUNTS_FIRST } from './collapse-counts-first.ts';
import { HUGE_PAGE_HALF_THERE } from './huge-page-half-there.ts';
import { HUGE_PAGE_SPLIT_RANGE } from './huge-page-split-range.ts';
import { LARGE_LEAF_OVER_TABLE } from './large-leaf-over-table.ts';
import { SPLIT_HUGE_PAGE } from './split-huge-page.ts';

export const RACES: readonly Litmus[] = [
  ...PROTECTS_BEFORE_TAKING,
  ...FLUSH_KEYED_ON_W,
  ...OPENS_A_LARGE_PAGE,
  ...RETRIES_FOR_EVER,
  ...LEVEL_OF_THE_HOST,
  ...KEEPS_MMU_WRITABLE,
  ...SKIPS_WHAT_HAS_NO_W,
  ...LOGGING_FLUSHES_NOTHING,
  ...PLAIN_STORE,
  ...NO_SECOND_LOOK,
  ...NO_GENERATION_CHECK,
  ...STEPS_PAST_AFTER_YIELD,
  ...FLUSH_AFTER_UNLOCK,
  ...YIELDS_WITH_A_FLUSH_OWED,
  ...KEEPS_AN_OLD_DECISION,
  ...RANGE_IN_HOST_PAGES,
  ...SECOND_SNAPSHOT,
  ...READS_THE_NEXT_LAP,
  ...SKIPS_THE_INVALID_ROOT,
  ...DIRTY_BIT_LOST,
  ...FORGETS_AN_OWED_FLUSH,
  ...HOST_PTE_READ_TWICE,
  ...MEMSLOTS_CHANGE_MEANWHILE,
  ...HUGE_PAGE_SPLIT_RANGE,
  ...HUGE_PAGE_HALF_THERE,
  ...SPLIT_HUGE_PAGE,
  ...LARGE_LEAF_OVER_TABLE,
  ...COLLAPSE_COPIES_FIRST,
  ...COLLAPSE_COUNTS_FIRST,
];
