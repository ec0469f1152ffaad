import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const workerUrl = /new URL\(["']\.\/([\w-]+)\.js["'], import\.meta\.url\)/g;

/** Node 20 cannot start a worker thread from a .ts file: bundle that file once and start the bundle. */
const workersFromSource: Plugin = {
  name: 'workers-from-source',
  async transform(code, id) {
    for (const [expression, name] of code.matchAll(workerUrl)) {
      const entry = join(dirname(id), `${name}.ts`);
      if (!existsSync(entry)) continue;
      const outDir = join(import.meta.dirname, 'node_modules/.workers');
      await build({
        configFile: false,
        logLevel: 'warn',
        ssr: { noExternal: true },
        build: { ssr: entry, outDir, emptyOutDir: false, sourcemap: 'inline', target: 'node20' },
      });
      code = code.replace(expression, `new URL('${pathToFileURL(join(outDir, `${name}.js`))}')`);
    }
    return { code, map: null };
  },
};

export default defineConfig({
  plugins: [workersFromSource],
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts'],
    execArgv: ['--enable-source-maps'],
    testTimeout: 60_000, // a busy machine is no failure; a hang is
  },
});
