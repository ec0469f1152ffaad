import { describe, expect, it } from 'vitest';
import { ofWebAssembly } from './zstd.ts';

/** Pages that look like pages: runs, with noise between. */
const pages = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) =>
    at % 7 === 0 ? Math.imul(at, 0x9e37_79b1) >>> 24 : at >> 8,
  );

describe('zstd where Node has none', () => {
  it.each([64, 4096, 64 * 4096])('gives %i bytes back as they were', async (bytes) => {
    const raw = pages(bytes);
    const packed = await ofWebAssembly.compress(raw);
    expect(await ofWebAssembly.decompress(packed, bytes)).toEqual(raw);
  });

  it('makes pages smaller', async () => {
    expect((await ofWebAssembly.compress(pages(65_536))).length).toBeLessThan(40_000);
  });

  it('makes no room for more than there should be', async () => {
    const bomb = await ofWebAssembly.compress(new Uint8Array(1 << 24));
    await expect(ofWebAssembly.decompress(bomb, 4096)).rejects.toThrow(
      'expected a zstd frame of 4096 bytes, got 16777216',
    );
  });

  it.each([
    ['no frame', Uint8Array.of(1, 2, 3)],
    ['something else', new Uint8Array(4096).fill(7)],
  ])('refuses %s', async (_, bytes) => {
    await expect(ofWebAssembly.decompress(bytes, 4096)).rejects.toThrow('got none');
  });

  it('refuses a frame that is damaged', async () => {
    const packed = await ofWebAssembly.compress(pages(4096));
    const cut = packed.slice(0, packed.length - 5);
    await expect(ofWebAssembly.decompress(cut, 4096)).rejects.toThrow(/code -?\d+/);
  });
});
