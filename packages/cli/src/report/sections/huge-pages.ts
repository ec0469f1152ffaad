// Huge pages that were mapped, split, or in the way.
import type { Report } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';

export function hugePages({ hugePages: of, kinds }: Report): Section | undefined {
  const { mapped, splitAhead, splitInFault, splitFailed, metWhileLogged } = of;
  if (mapped + splitAhead + splitInFault + splitFailed + metWhileLogged === 0) return undefined;
  const remaps = kinds.find(({ kind }) => kind === 'slow_remap')?.count ?? 0;
  return {
    title: `Huge pages: ${count(mapped)} mapped, ${count(splitAhead)} split ahead, ${count(splitInFault)} split in a fault`,
    sentences: [
      `${count(metWhileLogged)} writes met a huge page under logging; ${count(remaps)} small pages mapped one by one after it` +
        (splitFailed === 0 ? '' : `; ${count(splitFailed)} splits FAILED (no memory for tables)`),
    ],
    soWhat: [{ text: soWhat(metWhileLogged, remaps) }],
  };
}

function soWhat(met: number, remaps: number): string {
  if (remaps > 0)
    return 'dropped pages fault in one by one: use the TDP MMU with eager_page_split=Y';
  if (met > 0) return 'vCPUs split them in their faults: eager_page_split=Y does it ahead';
  return 'no vCPU waited for a split';
}
