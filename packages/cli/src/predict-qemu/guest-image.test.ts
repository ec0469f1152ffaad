import { describe, expect, it } from 'vitest';
import { guestImage } from './guest-image.ts';

const image = guestImage({
  pattern: 'sweep',
  memory: 2 ** 27,
  written: 2 ** 24,
  pagesPerSecond: 1000,
});
const word = (at: number): number => new DataView(image.buffer).getUint32(at, true);

describe('the guest of 400 bytes', () => {
  it('has a Multiboot header whose three words sum to nothing, and says where its code is', () => {
    expect(image).toHaveLength(400);
    expect((word(0) + word(4) + word(8)) >>> 0).toBe(0);
    expect(word(28)).toBe(word(16) + 0xc0);
  });

  it('is told what to write', () => {
    expect([0x94, 0x98, 0x9c, 0xa4].map(word)).toEqual([4096, 1000, 1, 2 ** 27]);
  });

  it('ends with the jump back to where it waits for a tick', () => {
    const back = new DataView(image.buffer).getInt8(399);
    expect(image[398]).toBe(0xeb); // jmp
    expect(image[400 + back]).toBe(0xf4); // hlt
  });
});
