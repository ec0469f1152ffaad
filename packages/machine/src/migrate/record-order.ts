// Which records may come when: what was compared is what is handed over, so pages come before the end, digest and handover
// after it.
import { damaged, type StreamRecord } from './records.ts';

export type Phase = 'precopy' | 'whole' | 'preparing' | 'ready' | 'postcopy';

interface Order {
  readonly kinds: readonly StreamRecord['kind'][];
  /** What was expected where something else comes. */
  readonly says: string;
}

const PAGES: readonly StreamRecord['kind'][] = ['pages', 'zeroPages', 'end'];
const ORDER: Readonly<Record<Phase, Order>> = {
  precopy: {
    kinds: [...PAGES, 'roundEnd', 'state', 'preview', 'missing', 'postcopy'],
    says: 'the end of all pages',
  },
  whole: {
    kinds: ['digest', 'handover'],
    says: 'nothing but digest and handover after the end',
  },
  preparing: { kinds: [], says: 'nothing until the guest could run' },
  ready: { kinds: ['handover'], says: 'the handover, as all else was said' },
  postcopy: { kinds: PAGES, says: 'pages that were missing, or their end' },
};

/** `isOver`: nothing more may come at all. */
export function assertInOrder(
  { kind, offset }: StreamRecord,
  { phase, isOver }: { readonly phase: Phase; readonly isOver: boolean },
): void {
  const { kinds, says } = ORDER[phase];
  if (isOver || !kinds.includes(kind)) throw damaged(offset, says, kind);
}
