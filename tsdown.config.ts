import { defineConfig } from 'tsdown';

// One output file per source file, so that a worker lies beside the file that starts it.
export default defineConfig({
  entry: [
    'packages/{atomics,mmu,machine,checker,litmus,trace,cli}/src/index.ts',
    'packages/*/src/*-worker.ts',
    'packages/cli/src/{soak,bench-check}.ts',
  ],
  unbundle: true,
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  sourcemap: true,
  dts: { sourcemap: false },
});
