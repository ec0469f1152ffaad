// One number for all of a guest's memory, taken on both sides while no vCPU runs.
import type { Clock } from './channel.ts';
import type { Checked } from './checksum.ts';
import type { PageReader } from './page-batch.ts';
import { pageRanges, type Shape } from './shape.ts';

/** Timers and connections get their turn after so many. */
const PAGES_AT_ONCE = 4096;

/** The checksum of each page of all slots, in the order of their hvns, seeded with that of the pages before. */
export async function contentDigest(
  reader: PageReader,
  shape: Shape,
  { checksum, clock }: Checked & { readonly clock: Clock },
): Promise<number> {
  const page = new Uint8Array(shape.pageSize);
  const zeros = new Uint8Array(shape.pageSize);
  let digest = 0;
  let pages = 0;
  for (const { hvn, npages } of pageRanges(shape)) {
    for (let at = hvn; at < hvn + npages; at++) {
      digest = checksum(reader.copyPage(at, page, 0) ? page : zeros, digest);
      if (++pages % PAGES_AT_ONCE === 0) await clock.sleep(0);
    }
  }
  return digest;
}
