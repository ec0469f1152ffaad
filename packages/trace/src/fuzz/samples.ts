// What is damaged: pieces of the bundled trace, as text, packed text, and small files of trace-cmd.
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { smallDats } from './small-dat.ts';
import type { Kind } from './trial.ts';
import { ZSTD_SAMPLE } from './zstd-sample.ts';

export type Samples = Readonly<Record<Kind, readonly Uint8Array[]>>;

const LINES_PER_SAMPLE = 30;
/** Where the trace is at its most colourful: boot, first faults, dirty log, KSM, end. */
const STARTS: readonly number[] = [0, 12, 200, 7300, 20_000, 40_000, 60_000, 70_170];

/** `trace` is a path without `.txt.gz` and `.dat`. */
export async function loadSamples(trace: string): Promise<Samples> {
  const lines = gunzipSync(readFileSync(`${trace}.txt.gz`))
    .toString('latin1')
    .split('\n');
  const text = STARTS.map((start) =>
    Buffer.from(`${lines.slice(start, start + LINES_PER_SAMPLE).join('\n')}\n`, 'latin1'),
  );
  const gzip = text.map((sample) => gzipSync(sample));
  return {
    text,
    gzip,
    zstd: [Buffer.from(ZSTD_SAMPLE, 'base64')],
    dat: await smallDats(`${trace}.dat`),
  };
}
