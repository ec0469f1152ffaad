// What every backend of the seam promises to one thread. Each body is a function of `mem` alone, so that a backend may
// run it again from its start.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeamSize } from '../src/seam-map.ts';
import { type Shared, type SharedEvent, WAIT_NOT_EQUAL, WAIT_TIMED_OUT } from '../src/shared.ts';
import type { WasmShared } from '../src/wasm-shared.ts';
import { apply, PlainWords, verbs32, verbs64, WORDS, wordOperations } from './plain-words.ts';

export interface Backend {
  /** The memory that operations reach in the end. */
  make(size: SeamSize): WasmShared;
  run<Result>(body: (mem: Shared) => Result, mem: WasmShared): Result;
}

const SIZE: SeamSize = { threads: 2, words: 256, frames: 4, frameBytes: 64, ram: 16 };

export function contract(name: string, { make, run }: Backend): void {
  const fresh = (): { mem: WasmShared; at: number } => {
    const mem = make(SIZE);
    return { mem, at: mem.memory.map.wordsAt };
  };

  describe(`Words, ${name}`, () => {
    it('do what a plain array does, at either width, in any order', () => {
      const { mem, at } = fresh();
      fc.assert(
        fc.property(wordOperations, (operations) => {
          const plain = new PlainWords();
          const expected = operations.map((operation) => plain.apply(operation));
          const found = run((mem) => {
            for (let word = 0; word < WORDS; word++) mem.store64(at + 8 * word, 0, 0);
            const seen = operations.map((operation) => apply(mem, at, operation));
            const content = plain.content.map((_, index) => mem.load32(at + 4 * index));
            return { seen, content };
          }, mem);
          expect(found).toEqual({ seen: expected, content: plain.content });
        }),
      );
    });

    it('hold the low half of a 64-bit word first', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at, 1, -2);
        return [mem.load32(at), mem.load32(at + 4)];
      };
      expect(run(body, mem)).toEqual([1, -2]);
    });

    it('leave their neighbours alone', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at + 8, -1, -1);
        mem.add64(at + 8, 1, 0);
        mem.xchg32(at + 12, -1);
        return [mem.load32(at + 4), mem.load32(at + 8), mem.load32(at + 12), mem.load32(at + 16)];
      };
      expect(run(body, mem)).toEqual([0, 0, -1, 0]);
    });

    it('show the loser of a cmpxchg64 both halves that it found, and change nothing', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at, -5, 7);
        const won = mem.cmpxchg64(at, 0, 0, 1, 1);
        return [won, mem.low, mem.high, mem.load64(at), mem.high];
      };
      expect(run(body, mem)).toEqual([0, -5, 7, -5, 7]);
    });

    it('exchange by cmpxchg64 only when both halves are as expected', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at, 1, 2);
        return [
          mem.cmpxchg64(at, 1, 0, 9, 9),
          mem.cmpxchg64(at, 0, 2, 9, 9),
          mem.cmpxchg64(at, 1, 2, 9, 9),
        ];
      };
      expect(run(body, mem)).toEqual([0, 0, 1]);
    });

    it('show the loser of a cmpxchg32 what it found', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store32(at, -5);
        return [mem.cmpxchg32(at, 0, 1), mem.low, mem.load32(at)];
      };
      expect(run(body, mem)).toEqual([0, -5, -5]);
    });

    it('take an expected half that is written without its sign', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at, -1, -2);
        return [
          mem.cmpxchg64(at, 0xffff_ffff, 0xffff_fffe, -3, 0),
          mem.cmpxchg32(at, 0xffff_fffd, 0),
        ];
      };
      expect(run(body, mem)).toEqual([1, 1]);
    });

    it('carry from the low half into the high one', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store64(at, -1, 4);
        mem.add64(at, 1, 0);
        return [mem.load64(at), mem.high];
      };
      expect(run(body, mem)).toEqual([0, 5]);
    });

    it.each([...verbs32, ...verbs64])('refuse a misaligned address: %s', (verb) => {
      const { mem, at } = fresh();
      const misaligned = at + (verb.endsWith('64') ? 4 : 2);
      const body = (mem: Shared) => (mem[verb] as (at: number) => unknown).call(mem, misaligned);
      expect(() => run(body, mem)).toThrow('unaligned');
    });

    it('refuse an address beyond the memory', () => {
      const { mem } = fresh();
      const beyond = mem.memory.words.buffer.byteLength;
      expect(() => run((mem) => mem.load32(beyond), mem)).toThrow('out of bounds');
    });

    it('are fenced without a word of their own', () => {
      const { mem } = fresh();
      expect(run((mem) => mem.fence(), mem)).toBeUndefined();
    });
  });

  describe(`Blocking verbs with nobody in the way, ${name}`, () => {
    it('lock and unlock a mutex, again and again, and leave 0', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        for (let round = 0; round < 3; round++) {
          mem.lock(at);
          mem.unlock(at);
        }
        return mem.load32(at);
      };
      expect(run(body, mem)).toBe(0);
    });

    it('hold two mutexes at once', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.lock(at);
        mem.lock(at + 4);
        mem.unlock(at);
        mem.unlock(at + 4);
        return [mem.load32(at), mem.load32(at + 4)];
      };
      expect(run(body, mem)).toEqual([0, 0]);
    });

    it('read-lock twice, then write-lock, and leave 0', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.readLock(at);
        mem.readLock(at);
        mem.readUnlock(at);
        mem.readUnlock(at);
        mem.writeLock(at);
        mem.writeUnlock(at);
        return mem.load32(at);
      };
      expect(run(body, mem)).toBe(0);
    });

    it('return at once from waitUntil when the masked bits are as wanted', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        mem.store32(at, 0b1101);
        mem.waitUntil(at, 0b0110, 0b0100);
      };
      expect(run(body, mem)).toBeUndefined();
    });

    it('return at once from waitWhile when the word holds something else', () => {
      const { mem, at } = fresh();
      expect(run((mem) => mem.waitWhile(at, 1), mem)).toBeUndefined();
    });

    it('do not sleep on a word that holds something else', () => {
      const { mem, at } = fresh();
      expect(run((mem) => mem.wait(at, 1), mem)).toBe(WAIT_NOT_EQUAL);
    });

    it('give up sleeping when the time is over', () => {
      const { mem, at } = fresh();
      expect(run((mem) => mem.wait(at, 0, 1), mem)).toBe(WAIT_TIMED_OUT);
    });

    it('wake nobody where nobody sleeps', () => {
      const { mem, at } = fresh();
      expect(run((mem) => [mem.notify(at), mem.notify(at, 1)], mem)).toEqual([0, 0]);
    });

    it('synchronize with threads that are outside', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        mem.enterRead();
        mem.exitRead();
        mem.synchronize();
      };
      expect(run(body, mem)).toBeUndefined();
    });
  });

  describe(`Frames, ${name}`, () => {
    const wordsOf = (mem: Shared, frame: number): number[] => {
      const words: number[] = [];
      for (let at = frame; at < frame + SIZE.frameBytes; at += 4) words.push(mem.load32(at));
      return words;
    };

    it('are distinct, and none reaches into another', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        const frames = Array.from({ length: SIZE.frames }, () => mem.alloc());
        for (const frame of frames) {
          for (let at = frame; at < frame + SIZE.frameBytes; at += 8) mem.store64(at, frame, frame);
        }
        return frames.map((frame) => wordsOf(mem, frame).every((word) => word === frame));
      };
      expect(run(body, mem)).toEqual(Array(SIZE.frames).fill(true));
    });

    it('are poisoned when freed: not one present entry is left in them', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        const frame = mem.alloc();
        for (let at = frame; at < frame + SIZE.frameBytes; at += 8) mem.store64(at, -1, -1);
        mem.free(frame);
        return wordsOf(mem, frame);
      };
      const present = 1 | (1 << 11); // by either of the two bits that readers of sptes look at
      const lows = run(body, mem).filter((_, index) => index % 2 === 0);
      expect(lows.map((low) => low & present)).toEqual(lows.map(() => 0));
    });

    it('come again once freed', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        const frames = Array.from({ length: SIZE.frames }, () => mem.alloc());
        mem.free(frames[1] as number);
        return mem.alloc() === frames[1];
      };
      expect(run(body, mem)).toBe(true);
    });

    it('run out with an error that says how many there are', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        for (let frame = 0; frame <= SIZE.frames; frame++) mem.alloc();
      };
      expect(() => run(body, mem)).toThrow(
        new RangeError(
          'expected a free page-table frame, got none of 4; usual cause: a memory made with too few frames',
        ),
      );
    });
  });

  describe(`Guest memory, ${name}`, () => {
    it('holds 32-bit words by index, with their sign', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        mem.guestStore(0, -1);
        mem.guestStore(1, 0x8000_0000);
        return [mem.guestLoad(0), mem.guestLoad(1), mem.guestLoad(2)];
      };
      expect(run(body, mem)).toEqual([-1, -(2 ** 31), 0]);
    });

    it('holds bytes and halfwords, each by an index in units of its size, the low ones first', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        mem.guestStore(1, 0x0403_0201);
        mem.guestStore8(6, 0x1ff);
        mem.guestStore16(2, 0x1_fffe);
        return [
          [4, 5, 6, 7].map((index) => mem.guestLoad8(index)),
          [2, 3].map((index) => mem.guestLoad16(index)),
          [0, 1, 2].map((index) => mem.guestLoad(index)),
        ];
      };
      expect(run(body, mem)).toEqual([
        [0xfe, 0xff, 0xff, 4],
        [0xfffe, 0x04ff],
        [0, 0x04ff_fffe, 0],
      ]);
    });

    it('is copied out and in by byte', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        mem.guestWrite(3, Uint8Array.of(1, 2, 3));
        const found = new Uint8Array(5);
        mem.guestRead(2, found);
        return [...found];
      };
      expect(run(body, mem)).toEqual([0, 1, 2, 3, 0]);
    });

    it('is filled and copied in words', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        mem.guestFillWords(1, 3, -2);
        mem.guestStore(2, 7);
        mem.guestCopyWords(5, 1, 3);
        return [0, 1, 2, 3, 4, 5, 6, 7, 8].map((index) => mem.guestLoad(index));
      };
      expect(run(body, mem)).toEqual([0, -2, 7, -2, 0, -2, 7, -2, 0]);
    });

    it('is changed atomically by what a processor locks its bus for', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => [
        mem.guestAdd32(2, -1),
        mem.guestAnd32(2, 0xff),
        mem.guestOr32(2, 0x100),
        mem.guestXchg32(2, 7),
        mem.guestCmpxchg32(2, 8, 9),
        mem.guestCmpxchg32(2, 7, 10),
        mem.guestLoad(2),
      ];
      expect(run(body, mem)).toEqual([0, -1, 0xff, 0x1ff, 7, 7, 10]);
    });

    it('is not among the words', () => {
      const { mem, at } = fresh();
      const body = (mem: Shared) => {
        for (let index = 0; index < SIZE.ram; index++) mem.guestStore(index, -1);
        return mem.load32(at);
      };
      expect(run(body, mem)).toBe(0);
    });
  });

  describe(`Events, ${name}`, () => {
    it('are not built when nobody listens', () => {
      const { mem } = fresh();
      const body = (mem: Shared) => {
        let built = 0;
        const event = (): SharedEvent => ({ event: `${++built}` });
        mem.emit?.(event());
        return built;
      };
      expect(run(body, mem)).toBe(0);
    });

    it('reach the listener once each, in order', () => {
      const { mem, at } = fresh();
      const heard: string[] = [];
      mem.emit = ({ event }) => heard.push(event);
      const body = (mem: Shared) => {
        mem.emit?.({ event: 'before' });
        mem.load32(at);
        mem.emit?.({ event: 'between' });
        mem.load32(at);
        mem.emit?.({ event: 'after' });
      };
      run(body, mem);
      expect(heard).toEqual(['before', 'between', 'after']);
    });
  });

  describe(`A thread, ${name}`, () => {
    it('knows its number', () => {
      const { mem } = fresh();
      expect(run((mem) => mem.thread, mem)).toBe(0);
    });

    it('may say what is live at a loop, to no effect', () => {
      const { mem } = fresh();
      expect(run((mem) => mem.again(1, 2), mem)).toBeUndefined();
    });
  });
}
