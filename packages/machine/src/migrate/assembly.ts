// Puts memory together from records, and knows when it is whole: from a connection, or from a snapshot file.
import type { Compression } from './channel.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory, PostcopyMemory } from './guest.ts';
import { PageSet } from './page-set.ts';
import { damaged, forEachPage, type Header, type StreamRecord, type Totals } from './records.ts';
import { pageRanges, type Shape } from './shape.ts';

type Of<Kind extends StreamRecord['kind']> = Extract<StreamRecord, { kind: Kind }>;

export interface AssemblyOptions {
  /** Those that this side has. */
  readonly compressions?: readonly Compression[];
}

export class Assembly {
  readonly shape: Shape;
  /** Pages with contents that came, and zero pages; a page that came twice counts twice. */
  normal = 0;
  duplicate = 0;
  readonly #memory: DestinationMemory;
  readonly #compression: Compression | undefined;
  #missing: PageSet;
  /** Where pages go while the guest runs. */
  #running: PostcopyMemory | undefined;
  readonly #inSlot: PageSet;
  #hasState = false;

  constructor(header: Header, memory: DestinationMemory, options: AssemblyOptions) {
    this.shape = header.shape;
    this.#memory = memory;
    this.#compression = findCompression(header.compression, options.compressions ?? []);
    this.#missing = new PageSet(header.shape.pages);
    this.#inSlot = new PageSet(header.shape.pages);
    for (const { hvn, npages } of pageRanges(header.shape)) {
      for (let page = hvn; page < hvn + npages; page++) {
        this.#missing.add(page);
        this.#inSlot.add(page);
      }
    }
  }

  /** Writes the pages of a record. Nothing to wait for unless they are compressed. */
  pages(record: Of<'pages'>): void | Promise<void> {
    if (!record.compressed) return this.#write(record, record.contents);
    return this.#writeCompressed(record);
  }

  /** Resolves when the guest could be run from it. */
  state({ state, offset }: Of<'state'>): void | Promise<void> {
    if (this.#hasState) throw damaged(offset, 'one state', 'another');
    this.#hasState = true;
    return this.#memory.loadState?.(state);
  }

  zeroPages(record: Of<'zeroPages'>): void {
    forEachPage(record, this.shape.pages, (hvn) => {
      this.#zero(hvn, record.offset);
      this.duplicate++;
    });
  }

  /** Pages that have not come, or have been said to come anew. */
  get missing(): PageSet {
    return this.#missing;
  }

  /** From here on the guest may run, and what is `missing` comes under it. Throws unless all else has come. */
  beginPostcopy(missing: PageSet, memory: PostcopyMemory): void {
    for (const runs of missing.runs(1)) {
      const [hvn = 0, npages = 0] = runs;
      for (let page = hvn; page < hvn + npages; page++) this.#arrives(page, 0);
    }
    this.assertWhole();
    this.#missing = missing;
    this.#running = memory;
    for (const [hvn = 0, npages = 0] of missing.runs(1)) memory.markMissing(hvn, npages);
  }

  /** Throws unless every page of every slot has come. */
  assertWhole(): void {
    const first = this.#missing.next(0);
    if (first === undefined) return;
    throw new MigrationError(
      'damaged',
      `expected every page of the guest at the stream's end, got none for hvn ${first}`,
    );
  }

  async #writeCompressed(record: Of<'pages'>): Promise<void> {
    const { offset, contents, hvns } = record;
    const raw = hvns.length * this.shape.pageSize;
    if (this.#compression === undefined) throw damaged(offset, 'pages as they are', 'compressed');
    let bytes: Uint8Array;
    try {
      bytes = await this.#compression.decompress(contents, raw);
    } catch (cause) {
      throw damaged(offset, `contents that ${this.#compression.name} can read`, String(cause));
    }
    if (bytes.length !== raw) throw damaged(offset, `${raw} bytes of contents`, `${bytes.length}`);
    this.#write(record, bytes);
  }

  #write({ hvns, offset }: Of<'pages'>, contents: Uint8Array): void {
    const { pageSize } = this.shape;
    for (const hvn of hvns) this.#arrives(hvn, offset);
    this.normal += hvns.length;
    const running = this.#running;
    if (running !== undefined) {
      for (const [page, hvn] of hvns.entries()) {
        running.install(hvn, contents.subarray(page * pageSize, (page + 1) * pageSize));
      }
      return;
    }
    for (let page = 0; page < hvns.length; ) {
      const end = this.#memory.writePages === undefined ? page + 1 : runEnd(hvns, page);
      const bytes = contents.subarray(page * pageSize, end * pageSize);
      if (end === page + 1) this.#memory.writePage(hvns[page] as number, bytes);
      else this.#memory.writePages?.(hvns[page] as number, bytes);
      page = end;
    }
  }

  #zero(hvn: number, offset: number): void {
    const isFirst = this.#arrives(hvn, offset);
    if (this.#running !== undefined) this.#running.install(hvn, undefined);
    // What never came before is zero already.
    else if (!isFirst) this.#memory.zeroPage(hvn);
  }

  /** Is it the page's first time? */
  #arrives(hvn: number, offset: number): boolean {
    if (hvn >= this.shape.pages || !this.#inSlot.has(hvn)) {
      throw damaged(offset, `a page of a slot, below ${this.shape.pages}`, `hvn ${hvn}`);
    }
    const isFirst = this.#missing.delete(hvn);
    // The guest may have written it since: whoever sends it again would take that away.
    if (this.#running !== undefined && !isFirst) {
      throw damaged(offset, 'a page that is missing', `hvn ${hvn}`);
    }
    return isFirst;
  }
}

/** Where the run of adjacent pages that begins at `page` ends. */
function runEnd(hvns: Uint32Array, page: number): number {
  let end = page + 1;
  while (end < hvns.length && hvns[end] === (hvns[end - 1] as number) + 1) end++;
  return end;
}

/** Throws unless a stream's own account is what has come of it. */
export function assertTotals(record: Of<'end'>, came: Totals): void {
  const says = ({ records, pages, zeroPages, digest }: Totals): string =>
    `${records} records, ${pages} pages, ${zeroPages} zero pages, digest ${digest}`;
  if (says(record.totals) === says(came)) return;
  throw damaged(record.offset, says(record.totals), says(came));
}

function findCompression(name: string, known: readonly Compression[]): Compression | undefined {
  if (name === '') return undefined;
  const compression = known.find((candidate) => candidate.name === name);
  if (compression !== undefined) return compression;
  const names = known.map((candidate) => candidate.name).join(', ') || 'none';
  throw new MigrationError('version', `expected one of the compressions ${names}, got '${name}'`);
}
