// What a host does to its pages, beside vCPUs and beside its own other threads: each act as it ships, and with the mistakes
// that could be made in it.
import type { Litmus } from '../litmus.ts';
import { MERGES_WHAT_CAME_BACK } from './merges-what-came-back.ts';
import { MOVE_PAGE } from './move-page.ts';
import { PAGE_COMES_AND_GOES } from './page-comes-and-goes.ts';
import { PAGE_COMES_TWICE } from './page-comes-twice.ts';
import { PAGER } from './pager.ts';
import { PROTECT_PAGES } from './protect-pages.ts';
import { SHARE_PAGES } from './share-pages.ts';
import { SWAP_OUT } from './swap-out.ts';
import { TWO_ACTORS } from './two-actors.ts';

export const HOST: readonly Litmus[] = [
  ...SHARE_PAGES,
  ...SWAP_OUT,
  ...PAGER,
  ...PAGE_COMES_AND_GOES,
  ...PAGE_COMES_TWICE,
  ...MOVE_PAGE,
  ...PROTECT_PAGES,
  ...TWO_ACTORS,
  ...MERGES_WHAT_CAME_BACK,
];
