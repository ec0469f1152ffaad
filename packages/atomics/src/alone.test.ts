import { describe, expect, it } from 'vitest';
import { createAlone } from './alone.ts';
import { modeAddress } from './seam-map.ts';

const alone = () => {
  const mem = createAlone({ threads: 2, words: 64, frames: 0, frameBytes: 64, ram: 0 });
  return { mem, at: mem.memory.map.wordsAt };
};
const forEver =
  /^expected word \d+ to change from -?\d+, but the only thread there is waits for it; usual cause: a lock/;

describe('The only thread of a memory', () => {
  it('is told why it would sleep for ever', () => {
    const { mem, at } = alone();
    mem.store32(at, 3);
    expect(() => mem.wait(at, 3)).toThrow(
      `expected word ${at} to change from 3, but the only thread there is waits for it; ` +
        'usual cause: a lock taken twice, or a vCPU that was not taken out of guest mode',
    );
  });

  it('is told so when it takes a mutex twice', () => {
    const { mem, at } = alone();
    mem.lock(at);
    expect(() => mem.lock(at)).toThrow(forEver);
  });

  it('is told so when it takes a lock for writing that it has for reading', () => {
    const { mem, at } = alone();
    mem.readLock(at);
    expect(() => mem.writeLock(at)).toThrow(forEver);
  });

  it('is told so when it takes a lock for reading that it has for writing', () => {
    const { mem, at } = alone();
    mem.writeLock(at);
    expect(() => mem.readLock(at)).toThrow(forEver);
  });

  it('is told so when it waits for bits that nobody sets', () => {
    const { mem, at } = alone();
    expect(() => mem.waitUntil(at, 1, 1)).toThrow(forEver);
  });

  it('is told so when another vCPU of its own is in guest mode at a grace period', () => {
    const { mem } = alone();
    mem.store32(modeAddress(1), 1);
    expect(() => mem.synchronize()).toThrow(forEver);
  });

  it('shares its memory with nobody', () => {
    const { mem } = alone();
    expect(mem.memory.words.buffer).toBeInstanceOf(ArrayBuffer);
    expect(mem.memory.ram.buffer).toBeInstanceOf(ArrayBuffer);
  });
});
