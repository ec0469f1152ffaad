import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decode, sampleStream } from '../../test/streams.ts';
import { loadChecksum } from './checksum.ts';
import { MigrationError } from './failure.ts';
import { RecordWriter } from './record-writer.ts';
import { PREAMBLE_BYTES } from './stream.ts';

const checksum = await loadChecksum();
let stream: Uint8Array;
beforeAll(async () => {
  stream = await sampleStream();
});

/** The message of the refusal; fails when there is none, or when it is not a refusal. */
function refusal(bytes: Uint8Array): MigrationError {
  try {
    decode(bytes);
  } catch (error) {
    if (error instanceof MigrationError) return error;
    throw error;
  }
  throw new Error('expected a refusal, got records');
}

const changed = (at: number, to: (byte: number) => number): Uint8Array => {
  const bytes = stream.slice();
  bytes[at] = to(bytes[at] as number);
  return bytes;
};

describe('a stream as it was sent', () => {
  it('comes out as it went in', () => {
    expect(decode(stream).map(({ kind }) => kind)).toEqual([
      'header',
      'pages',
      'zeroPages',
      'state',
      'roundEnd',
      'ack',
      'digest',
      'preview',
      'missing',
      'postcopy',
      'request',
      'error',
      'end',
      'handover',
    ]);
  });

  it('has its pages in the order in which they were sent', () => {
    const pages = decode(stream).find((record) => record.kind === 'pages');
    expect(pages).toMatchObject({ hvns: Uint32Array.of(3, 9, 4), compressed: false });
    expect(pages?.kind === 'pages' && pages.contents[64]).toBe(10);
  });

  it('comes out the same whatever pieces it arrives in', () => {
    const whole = decode(stream);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: stream.length }), (size) => {
        expect(decode(stream, size)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a stream that is not as it was sent', () => {
  it('is refused wherever it is cut within a record, and says where', () => {
    const ends = new Set(decode(stream).map(({ offset }) => offset));
    for (let length = 0; length < stream.length; length++) {
      if (ends.has(length) && length > PREAMBLE_BYTES) continue; // cut between records: the end record finds it out
      if (length === PREAMBLE_BYTES) continue;
      expect(refusal(stream.subarray(0, length))).toMatchObject({
        reason: 'closed',
        message: expect.stringContaining(`byte ${length}: expected `) as string,
      });
    }
  });

  it('is refused whichever bit is flipped', () => {
    for (let at = 0; at < stream.length; at++) {
      const error = refusal(changed(at, (byte) => byte ^ (1 << (at % 8))));
      expect(error.reason).toBe('damaged');
      expect(error.message).toMatch(/^byte \d+: expected .+, got .+/);
    }
  });

  it('is refused, and nothing else happens, whatever bytes are put in its place', () => {
    const anywhere = fc.nat().map((n) => n % stream.length);
    fc.assert(
      fc.property(anywhere, fc.uint8Array({ minLength: 1, maxLength: 200 }), (at, put) => {
        const bytes = stream.slice();
        bytes.set(put.subarray(0, bytes.length - at), at);
        if (bytes.every((byte, index) => byte === stream[index])) return;
        refusal(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when it never was one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 300 }), (bytes) => {
        expect(refusal(bytes).message).toContain('expected a migration stream');
      }),
    );
  });

  it('is refused when a record is missing in the middle', () => {
    const [, , zeros, state] = decode(stream);
    const [from, to] = [zeros?.offset ?? 0, state?.offset ?? 0];
    const cut = Uint8Array.from([...stream.subarray(0, from), ...stream.subarray(to)]);
    expect(refusal(cut).message).toBe(`byte ${from}: expected record 2, got record 3`);
  });
});

describe('a stream of another version', () => {
  it('is refused, and both versions are said', () => {
    const bytes = changed(8, () => 9);
    new DataView(bytes.buffer).setUint32(12, ~9, true);
    expect(refusal(bytes)).toMatchObject({
      reason: 'version',
      message:
        'byte 8: expected version 3 of the stream, which this Faultline speaks, got version 9',
    });
  });
});

describe('a stream of many small lies, each with its checksums in order', () => {
  it('may not have pages before a header', async () => {
    const pieces: Uint8Array[] = [];
    const send = async (bytes: Uint8Array): Promise<void> => void pieces.push(bytes);
    await new RecordWriter({ send }, checksum).compressedPages(new Uint8Array(90), 1);
    expect(refusal(pieces[0] as Uint8Array).message).toBe(
      'byte 16: expected a header before the first page, got pages',
    );
  });

  it('may not have a record of impossible length', async () => {
    const pieces: Uint8Array[] = [];
    const send = async (bytes: Uint8Array): Promise<void> => void pieces.push(bytes);
    await new RecordWriter({ send }, checksum).zeroPages(new Array(20_000).fill(1));
    expect(refusal(pieces[0] as Uint8Array).message).toBe(
      'byte 16: expected 8 to 32768 bytes of zeroPages, got 80000',
    );
  });
});
