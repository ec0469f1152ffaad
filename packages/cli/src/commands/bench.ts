// faultline bench: what the fast path is worth, as ratios within one run.
import { Command } from 'commander';

export const benchCommand = (): Command =>
  new Command('bench').description('measure the fast path against the slow one, and against C++');
