// The package as npm packs it, unpacked beside those packages alone that it names as its dependencies.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const isBuilt = existsSync(join(ROOT, 'dist/browser/machine.js'));
const { dependencies, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** What the modules import that can be reached from `entry`, by import, dynamic import or require: outside their own files. */
function outsideOf(entry: string): Set<string> {
  const [outside, seen, waiting] = [new Set<string>(), new Set<string>(), [entry]];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (fileName.startsWith('.')) waiting.push(resolve(dirname(file), fileName));
      else outside.add(fileName);
    }
  }
  return outside;
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

describe.skipIf(!isBuilt)('the packed package (skipped without dist: npm run build)', () => {
  let folder: string;
  let installed: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const modules = join(folder, 'node_modules');
    installed = join(modules, 'faultline');
    mkdirSync(installed, { recursive: true });
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
    const tarball = execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed]);
    for (const name of Object.keys(dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What Node prints of a module in a program that has the package installed. */
  const printed = (code: string): string => {
    const options = { cwd: folder, encoding: 'utf8' } as const;
    return execFileSync(process.execPath, ['--input-type=module', '-e', code], options).trim();
  };

  it.each(['machine', 'machine/browser'])('gives Node a machine as faultline/%s', (name) => {
    const code = `
      import { createVm } from 'faultline/${name}';
      const vcpu = createVm({ memory: 2 ** 20, vcpus: 2 }).vcpu(1);
      vcpu.write32(0x1ffe, 7);
      console.log(vcpu.read32(0x1ffe), vcpu.atomicAdd32(0x3000, 1));
    `;
    expect(printed(code)).toBe('7 0');
  });

  it.each(Object.keys(exports))('has what it exports as %s', (name) => {
    const faces: string | Record<string, string> = exports[name];
    for (const file of typeof faces === 'string' ? [faces] : Object.values(faces)) {
      expect(existsSync(join(installed, file))).toBe(true);
    }
  });

  it.each(['atomics', 'mmu', 'machine', 'checker', 'litmus'])(
    'reaches nothing of Node from faultline/%s, and no package that it does not name',
    (room) => {
      const outside = outsideOf(join(installed, 'dist', room, 'src/index.js'));
      expect([...outside].filter((name) => !(packageOf(name) in dependencies))).toEqual([]);
    },
  );

  it('reaches node:worker_threads from faultline/runner, or else this test would see nothing', () => {
    expect(outsideOf(join(installed, 'dist/runner/src/index.js'))).toContain('node:worker_threads');
  });

  it('gives a page its machine in one file that imports nothing', () => {
    expect([...outsideOf(join(installed, 'dist/browser/machine.js'))]).toEqual([]);
  });

  it('brings the page of the example, and the server of it', () => {
    expect(existsSync(join(installed, 'examples/browser/page.js'))).toBe(true);
    expect([...outsideOf(join(installed, 'examples/browser/page.js'))]).toEqual([]);
    expect([...outsideOf(join(installed, 'examples/browser/owner.js'))]).toEqual([]);
    expect([...outsideOf(join(installed, 'examples/browser/vcpu.js'))]).toEqual([]);
  });
});
