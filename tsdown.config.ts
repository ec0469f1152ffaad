import { defineConfig, type UserConfig } from 'tsdown';

const common = {
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  sourcemap: true,
} satisfies UserConfig;

/** One output file per source file, so that a worker lies beside the file that starts it. */
const library: UserConfig = {
  ...common,
  platform: 'neutral', // for Node, its runtime would import node:module, and no browser could load atomics, mmu or machine
  deps: { neverBundle: [/^node:/] },
  entry: [
    'packages/{atomics,mmu,machine,runner,checker,litmus,trace,cli}/src/index.ts',
    'packages/cli/src/{soak,bench-check,bench-trace,check-deep,check-mutate,migrate-faults,predict-check,predict-qemu,traces-check}.ts',
    'packages/trace/src/fuzz/fuzz-trace.ts',
    // Workers that check: they load the library as a user does, since mutants are made of its files.
    'packages/cli/src/{check,mutate,mutate-hook}-worker.ts',
  ],
  unbundle: true,
  dts: { sourcemap: false },
};

/** The library for pages without a bundler: one file without imports, which workers, to whom no import map applies, load too. */
const browser: UserConfig = {
  ...common,
  platform: 'browser',
  entry: { 'browser/machine': 'packages/machine/src/index.ts' },
  deps: { alwaysBundle: ['xxhash-wasm'] },
  dts: false,
};

/**
 * A vCPU's thread is one file with all that it needs. V8 loads and checks whatever a module imports or exports at each use,
 * so that a call or a mask from another file costs more than it does; within a file they are constants.
 */
const worker = (name: string): UserConfig => ({
  ...common,
  entry: { [name]: `packages/${name}.ts` },
  dts: false,
});

export default defineConfig([
  library,
  browser,
  ...[
    'runner/src/machine-worker',
    'cli/src/bench-worker',
    'cli/src/tlb-worker',
    'cli/src/measure-worker',
    'cli/src/migration-worker',
  ].map(worker),
]);
