// Pages that were written while their log was being switched on.
import type { Act } from './acts/act.ts';

export class LogBegins {
  readonly #written = new Set<number>();

  /** A page was written while `acts` were under way. */
  note(gfn: number, acts: readonly Act[]): void {
    if (acts.some(beginsLog)) this.#written.add(gfn);
  }

  /** Was the page written so, and not harvested since? */
  take(gfn: number): boolean {
    return this.#written.delete(gfn);
  }
}

function beginsLog(act: Act): boolean {
  const marker = act.kind === 'ioctl' ? act.marker : undefined;
  return marker?.ev === 'memslot' && marker.op === 'flags' && marker.flags !== 0;
}
