// Tells the format of a trace's sptes from its events: the exits say which hardware it was. With shadow paging (npt=0, ept=0)
// both makers' sptes are ordinary page-table entries, which are npt's.
import type { TraceBody } from '../trace-event.ts';
import type { SpteLayout } from './spte-view.ts';

const BY_REASON: ReadonlyMap<string, SpteLayout> = new Map([
  ['npf', 'npt'],
  ['EPT_VIOLATION', 'ept'],
  ['EPT_MISCONFIG', 'ept'],
  ['PML_FULL', 'ept'],
]);

export class SpteLayoutDetector {
  #found: SpteLayout | undefined = undefined;

  add(body: TraceBody): void {
    if (this.#found !== undefined) return;
    if (body.event === 'kvm_exit') this.#found = BY_REASON.get(body.reason);
    else if (body.event === 'kvm_pml_full' || body.event === 'kvm_fast_mmio') this.#found = 'ept';
  }

  /** Undefined as long as no event has told; npt is then the better guess, since shadow paging never tells. */
  get found(): SpteLayout | undefined {
    return this.#found;
  }
}
