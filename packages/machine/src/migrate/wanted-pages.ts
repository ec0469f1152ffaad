// Pages that the guest touched before they had come: asked for once, and again over a connection that takes another's place.
import type { PageSet } from './page-set.ts';
import type { RecordWriter } from './record-writer.ts';
import { MOST_WANTED } from './stream.ts';

export class WantedPages {
  /** How often the guest had to wait. */
  requests = 0;
  readonly #wanted = new Set<number>();

  /** `writer`: undefined while there is no connection. */
  ask(hvn: number, writer: RecordWriter | undefined): void {
    this.requests++;
    this.#wanted.add(hvn);
    // Over a connection that has broken it is lost, and asked again over the next.
    writer?.request([hvn]).catch(() => {});
  }

  async askAgain(missing: PageSet, writer: RecordWriter): Promise<void> {
    const wanted = [...this.#wanted].filter((hvn) => missing.has(hvn));
    for (let at = 0; at < wanted.length; at += MOST_WANTED) {
      await writer.request(wanted.slice(at, at + MOST_WANTED));
    }
  }
}
