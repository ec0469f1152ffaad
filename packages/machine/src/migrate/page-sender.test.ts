import { describe, expect, it } from 'vitest';
import { PAGE, plainGuest } from '../../test/plain-guest.ts';
import { loadChecksum } from './checksum.ts';
import { Pacer } from './pacer.ts';
import { sendPages } from './page-sender.ts';
import { RecordWriter } from './record-writer.ts';

const checksum = await loadChecksum();
describe('pages that leave slowly', () => {
  it('leave in steps of well under a second', async () => {
    const sleeps: number[] = [];
    let now = 0;
    const clock = {
      now: () => now,
      async sleep(ms: number) {
        sleeps.push(ms);
        now += ms;
      },
    };
    const guest = plainGuest(300);
    guest.bytes.fill(1);
    const pacer = new Pacer(clock, PAGE * 10);
    const writer = new RecordWriter({ send: async () => {} }, checksum);
    const sent = { normal: 0, duplicate: 0 };
    const sending = { reader: guest, pageSize: PAGE, pacer };
    await sendPages(
      Uint32Array.from({ length: 300 }, (_, hvn) => hvn),
      [{ writer }],
      sending,
      sent,
    );
    expect(sent.normal).toBe(300);
    expect(now).toBeGreaterThan(30_000);
    expect(Math.max(...sleeps)).toBeLessThan(500);
  });
});
