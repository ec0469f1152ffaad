// All of the page table going at once, by its root.
import type { Litmus } from '../litmus.ts';
import { ROOT_BEHIND_THE_ZAPPER } from './root-behind-the-zapper.ts';
import { ROOT_GIVEN_UP } from './root-given-up.ts';

export const ROOTS: readonly Litmus[] = [...ROOT_GIVEN_UP, ...ROOT_BEHIND_THE_ZAPPER];
