// The bytes of a trace.dat, anywhere in it: its parts lie where offsets say. A file, or bytes that are in memory already.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DatDamage } from './dat-damage.ts';

export interface DatSource {
  /** Bytes. */
  readonly size: number;
  /** `length` bytes from `at` on, in a buffer of their own. Throws a DatDamage where the file has not as many. */
  read(at: number, length: number, section: string): Uint8Array;
  close(): void;
}

function expectInside(source: DatSource, at: number, length: number, section: string): void {
  const fits = Number.isSafeInteger(at) && length >= 0 && at >= 0 && at + length <= source.size;
  if (fits) return;
  const got = `a file of ${source.size} bytes`;
  throw new DatDamage({ byte: at, section, expected: `${length} bytes`, got });
}

export class FileSource implements DatSource {
  readonly size: number;
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
    this.size = fstatSync(this.#file).size;
  }

  read(at: number, length: number, section: string): Uint8Array {
    expectInside(this, at, length, section);
    // A new buffer each time: records are read through views of it, and it begins at a multiple of eight.
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.#file, bytes, done, length - done, at + done);
      if (count === 0) {
        const got = 'an end: the file has become shorter';
        throw new DatDamage({ byte: at + done, section, expected: 'more bytes', got });
      }
      done += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
  }
}

export class BytesSource implements DatSource {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(at: number, length: number, section: string): Uint8Array {
    expectInside(this, at, length, section);
    // Not slice(): a Buffer's is a view, and may begin anywhere.
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  close(): void {}
}
