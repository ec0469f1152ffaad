// Reads files and bytes to the end, and keeps what comes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDat } from '../src/dat/dat-reader.ts';
import { BytesSource } from '../src/dat/dat-source.ts';
import { readTrace, type TraceEvent, type TraceSummary } from '../src/index.ts';

export interface Collected {
  readonly events: TraceEvent[];
  readonly summary: TraceSummary;
}

export async function collectFile(path: string): Promise<Collected> {
  const events: TraceEvent[] = [];
  const summary = await readTrace(path, (event) => events.push(event));
  return { events, summary };
}

export async function collectDat(bytes: Uint8Array): Promise<Collected> {
  const events: TraceEvent[] = [];
  const source = new BytesSource(bytes);
  const summary = await readDat(source, (event) => events.push(event), { file: 'some.dat' });
  return { events, summary };
}

/** A folder for files of one test file. */
export function scratchFolder(): {
  put(name: string, bytes: Uint8Array | string): string;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-test-'));
  return {
    put(name, bytes) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
