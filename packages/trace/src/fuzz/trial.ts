// One damaged input through the reader, and what must be true of it whatever the damage: no crash, nothing delivered that is
// not counted, and no rejection without its place.

import { readDat } from '../dat/dat-reader.ts';
import { BytesSource } from '../dat/dat-source.ts';
import { FtraceParser } from '../ftrace-parser.ts';
import { PackedDamage } from '../packed-damage.ts';
import { TraceError } from '../trace-error.ts';
import type { TraceSummary } from '../trace-summary.ts';
import { gunzip } from '../unpack-stream.ts';
import { unzstd } from '../unzstd.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import type { Samples } from './samples.ts';

export const KINDS = ['text', 'dat', 'gzip', 'zstd'] as const;
export type Kind = (typeof KINDS)[number];

/** `refused` is a TraceError: not one event could be read. */
export type Outcome = 'whole' | 'damaged' | 'refused';

/** A law is broken; `seed` and kind bring it back. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** Of fifty trials; packed text takes the longest and has the least to say. */
const SHARES: Readonly<Record<Kind, number>> = { text: 24, dat: 24, gzip: 1, zstd: 1 };
const LOTS: readonly Kind[] = KINDS.flatMap((kind) => new Array<Kind>(SHARES[kind]).fill(kind));

export const kindOf = (seed: number): Kind => new Random(seed ^ 0x5bd1_e995).oneOf(LOTS);

export async function trial(samples: Samples, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  const kind = kindOf(seed);
  const damaged = mutate(random.oneOf(samples[kind]), random);
  let delivered = 0;
  const count = (): void => {
    delivered++;
  };
  try {
    const summary = await readBytes(kind, damaged, random, count);
    expectSound(summary, delivered, damaged.length);
    return summary.errorCount > 0 || summary.truncated ? 'damaged' : 'whole';
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    if (delivered > 0) throw new FuzzFailure('events were delivered and the input refused');
    expectPlace(error);
    return 'refused';
  }
}

function readBytes(
  kind: Kind,
  bytes: Uint8Array,
  random: Random,
  onEvent: () => void,
): Promise<TraceSummary> {
  if (kind === 'dat') return readDat(new BytesSource(bytes), onEvent, { file: 'fuzz' });
  const pieces = inPieces(bytes, random);
  if (kind === 'text') return readText(pieces, onEvent);
  return readText(kind === 'gzip' ? gunzip(pieces) : unzstd(pieces), onEvent);
}

async function readText(
  pieces: AsyncIterable<Uint8Array>,
  onEvent: () => void,
): Promise<TraceSummary> {
  const parser = new FtraceParser(onEvent, { file: 'fuzz' });
  let truncated = false;
  try {
    for await (const piece of pieces) parser.feed(piece);
  } catch (error) {
    if (!(error instanceof PackedDamage)) throw error;
    truncated = true;
  }
  return parser.end({ truncated });
}

async function* inPieces(bytes: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random.below(random.oneOf([3, 200, 65_536]));
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** An event takes at least some bytes, of which unpacking makes at most a thousand times as many. */
const MOST_EVENTS_PER_BYTE = 1000 / 8;

function expectSound(summary: TraceSummary, delivered: number, bytes: number): void {
  const { events, decoded, errors, errorCount, counts } = summary;
  const sum = Object.values(counts).reduce((all, n) => all + n, 0);
  if (decoded !== delivered) throw new FuzzFailure(`${delivered} delivered, ${decoded} counted`);
  if (sum !== events) throw new FuzzFailure(`${events} events, ${sum} by name`);
  if (events > bytes * MOST_EVENTS_PER_BYTE) throw new FuzzFailure(`${events} of ${bytes} bytes`);
  if (errors.length > errorCount || (errorCount > 0 && errors.length === 0)) {
    throw new FuzzFailure(`${errorCount} errors, ${errors.length} kept`);
  }
  for (const { place, expected } of errors) {
    if (place === '' || expected === '') throw new FuzzFailure('an error without its place');
  }
}

/** A line, a byte, or the whole file where there is nothing to point at. */
function expectPlace({ line, message }: TraceError): void {
  const isWhole =
    /got (an end before|an empty file|comments only|none;)|got .* data(: |$)|file(:|$)/;
  if (line === undefined && !/: byte \d+, /.test(message) && !isWhole.test(message)) {
    throw new FuzzFailure(`refused without a place: ${message}`);
  }
}
