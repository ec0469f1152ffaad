// Streams made by the writer, for tests that cut and bend them.
import { loadChecksum } from '../src/migrate/checksum.ts';
import { PageBatch } from '../src/migrate/page-batch.ts';
import { RecordWriter } from '../src/migrate/record-writer.ts';
import type { StreamRecord } from '../src/migrate/records.ts';
import { StreamDecoder } from '../src/migrate/stream-decoder.ts';
import { PAGE } from './plain-guest.ts';

const checksum = await loadChecksum();
export const PAGES = 40;

/** A stream with a record of each kind. */
export async function sampleStream(): Promise<Uint8Array> {
  const pieces: number[] = [];
  const send = async (bytes: Uint8Array): Promise<void> => {
    for (const byte of bytes) pieces.push(byte);
  };
  const writer = new RecordWriter({ send }, checksum);
  const slots = [{ id: 3, gfn: 256, npages: PAGES, hvn: 0 }];
  const shape = { pages: PAGES, pageSize: PAGE, slots };
  await writer.header({
    shape,
    session: 7,
    channel: 0,
    channels: 1,
    compression: '',
    machine: '',
    mayPostcopy: false,
  });
  const batch = new PageBatch(PAGE);
  const reader = {
    copyPage: (hvn: number, into: Uint8Array, at: number) => {
      into.fill(hvn + 1, at, at + PAGE);
      return true;
    },
  };
  for (const hvn of [3, 9, 4]) batch.add(reader, hvn);
  await writer.pages(batch);
  await writer.zeroPages([10, 20, 35, 1]);
  await writer.state(Uint8Array.of(1, 2, 3));
  await writer.roundEnd(1);
  await writer.ack(1, 5);
  await writer.digest(99);
  await writer.state(Uint8Array.of(4, 5), 'preview');
  await writer.missing([3, 1, 9, 20]);
  await writer.postcopy();
  await writer.request([9, 3]);
  await writer.text('error', 'no room');
  await writer.end();
  await writer.handover();
  return Uint8Array.from(pieces);
}

/** What a decoder makes of it, in pieces of `size`. Views are copied. Throws what the decoder throws. */
export function decode(bytes: Uint8Array, size: number = bytes.length): StreamRecord[] {
  const decoder = new StreamDecoder(checksum);
  const records: StreamRecord[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const record of decoder.push(bytes.subarray(at, at + size))) {
      records.push(structuredClone(record));
    }
  }
  decoder.end();
  return records;
}
