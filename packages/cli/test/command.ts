// Calls the command as a shell would, and catches what it prints.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import { main } from '../src/main.ts';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `faultline WORDS...` */
export async function faultline(...words: string[]): Promise<Said> {
  const out = caught(process.stdout);
  const err = caught(process.stderr);
  try {
    const code = await main(words, '1.2.3');
    return { code, out: out.text(), err: err.text() };
  } finally {
    out.restore();
    err.restore();
  }
}

/** What is written to a stream from here on, and not shown. */
export function caught(stream: NodeJS.WriteStream) {
  const pieces: string[] = [];
  const write = vi.spyOn(stream, 'write').mockImplementation((piece) => {
    pieces.push(String(piece));
    return true;
  });
  return { text: (): string => pieces.join(''), restore: (): void => write.mockRestore() };
}

/** A directory that goes when the tests of a file are over. */
export function scratch(): {
  readonly path: string;
  put(name: string, data: string | Uint8Array): string;
} {
  const path = mkdtempSync(join(tmpdir(), 'faultline-'));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    put(name, data) {
      const file = join(path, name);
      writeFileSync(file, data);
      return file;
    },
  };
}
