#!/usr/bin/env -S node --enable-source-maps --max-inlined-bytecode-size=270 --max-inlined-bytecode-size-cumulative=2500
import { readFileSync } from 'node:fs';
import { EXIT_PIPE } from './exit.ts';
import { main } from './main.ts';

// The same relative place from packages/cli/src and from dist/cli/src.
const manifest = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_PIPE);
});
process.exitCode = await main(process.argv.slice(2), version);
