// Compiles packages/atomics/src/ops.wat for shared and for unshared memory, and writes both beside it as TypeScript.
import { readFileSync, writeFileSync } from 'node:fs';
import initWabt from 'wabt';

const dir = new URL('../packages/atomics/src/', import.meta.url);
const wabt = await initWabt();
const shared = readFileSync(new URL('ops.wat', dir), 'utf8');
const alone = shared.replace('(memory 1 65536 shared)', '(memory 1 65536)');
if (alone === shared) throw new Error('ops.wat: expected the line that imports a shared memory');

const compile = (name, text) => {
  const module = wabt.parseWat('ops.wat', text, { threads: true });
  module.validate({ threads: true });
  const bytes = Buffer.from(module.toBinary({}).buffer);
  return `export const ${name}: Uint8Array<ArrayBuffer> = new Uint8Array([${bytes.join(',')}]);\n`;
};
writeFileSync(
  new URL('ops.wasm.ts', dir),
  `// Written by scripts/build-ops.mjs from ops.wat; do not edit.\n${compile('opsWasm', shared)}${compile('opsAloneWasm', alone)}`,
);
