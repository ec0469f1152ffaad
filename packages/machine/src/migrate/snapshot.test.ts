import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { clock } from '../../test/channel-pair.ts';
import { PAGE, plainGuest } from '../../test/plain-guest.ts';
import { loadChecksum } from './checksum.ts';
import { contentDigest } from './content-digest.ts';
import { MigrationError } from './failure.ts';
import { readSnapshot, type SnapshotInfo, writeSnapshot } from './snapshot.ts';
import { plainMemory } from './vm-guest.ts';

const checksum = await loadChecksum();
const PAGES = 70;
const guest = plainGuest(PAGES);
for (let hvn = 0; hvn < PAGES; hvn += 3) guest.write(hvn, hvn + 1);

let snapshot: Uint8Array;
beforeAll(async () => {
  const pieces: Uint8Array[] = [];
  const send = async (bytes: Uint8Array): Promise<void> => void pieces.push(bytes.slice());
  await writeSnapshot(guest, guest.shape, { send, clock });
  snapshot = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
});

async function read(bytes: Uint8Array): Promise<{ info: SnapshotInfo; memory: Uint8Array }> {
  const memory = new Uint8Array(PAGES * PAGE);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
  const open = () => plainMemory(memory, PAGE);
  return { info: await readSnapshot(chunks(), { open, clock }), memory };
}

describe('a snapshot', () => {
  it('brings the memory back', async () => {
    const { info, memory } = await read(snapshot);
    expect(memory).toEqual(guest.bytes);
    expect(info).toEqual({
      shape: guest.shape,
      normal: 24,
      duplicate: 46,
      digest: await contentDigest(guest, guest.shape, { checksum, clock }),
    });
  });

  it('is refused wherever it is cut', async () => {
    for (let length = 0; length < snapshot.length; length += 7) {
      await expect(read(snapshot.subarray(0, length))).rejects.toMatchObject({ reason: 'closed' });
    }
  });

  it('is refused when anything follows its end', async () => {
    const twice = Uint8Array.from([...snapshot, 1]);
    await expect(read(twice)).rejects.toBeInstanceOf(MigrationError);
  });

  it('is refused whatever byte is another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (n, change) => {
        const bytes = snapshot.slice();
        const at = n % bytes.length;
        bytes[at] = (bytes[at] as number) ^ change;
        await expect(read(bytes)).rejects.toMatchObject({ reason: 'damaged' });
      }),
      { numRuns: 200 },
    );
  });
});
