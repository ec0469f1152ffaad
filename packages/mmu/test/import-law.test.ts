// Who may import whom: inside this room by tier, and nothing of Node in it or in the seam below it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));

/** From the bottom up; a file may import from its own tier and from those below. */
const TIERS: readonly (readonly string[])[] = [
  ['address.ts', 'event.ts', 'spte/', 'memory-map.ts'],
  ['vm/', 'host/', 'dirty/', 'legacy/'],
  ['fault/'],
  ['vcpu/'],
  ['index.ts'],
];

const tierOf = (file: string): number =>
  TIERS.findIndex((names) => names.some((name) => file.startsWith(name)));

/** What a source text imports or re-exports, as it is written there. */
const importsOf = (source: string): string[] =>
  [...source.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*['"]([^'"]+)['"]/g)].map(
    ([, specifier]) => specifier as string,
  );

/** Sources of a room by path from its src/, without its tests. */
function sourcesOf(room: string): Map<string, string> {
  const root = `${PACKAGES}${room}/src/`;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  return new Map(sources.map((file) => [file, readFileSync(root + file, 'utf8')]));
}

/** What is wrong with the imports of `file` by the tiers, in words. */
function upward(file: string, source: string): string[] {
  return importsOf(source)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(dirname(file), specifier))
    .filter((imported) => tierOf(imported) > tierOf(file))
    .map((imported) => `mmu/src/${file} imports ${imported}, which lies above it`);
}

describe('the import law of mmu', () => {
  const mmu = sourcesOf('mmu');

  it('knows a tier for every file', () => {
    expect([...mmu.keys()].filter((file) => tierOf(file) < 0)).toEqual([]);
  });

  it('has no import upward', () => {
    expect([...mmu].flatMap(([file, source]) => upward(file, source))).toEqual([]);
  });

  it('has no import of another room but the seam', () => {
    const rooms = [...mmu].flatMap(([file, source]) =>
      importsOf(source)
        .filter((name) => !name.startsWith('.') && name !== '@faultline/atomics')
        .map((name) => `mmu/src/${file} imports ${name}`),
    );
    expect(rooms).toEqual([]);
  });

  it('would notice one', () => {
    expect(upward('vm/zap.ts', "import { run } from '../vcpu/run.ts';")).toEqual([
      'mmu/src/vm/zap.ts imports vcpu/run.ts, which lies above it',
    ]);
  });
});

describe('the import law of the seam', () => {
  it('has no import but of its own files', () => {
    const foreign = [...sourcesOf('atomics')].flatMap(([file, source]) =>
      importsOf(source)
        .filter((name) => !name.startsWith('./'))
        .map((name) => `atomics/src/${file} imports ${name}`),
    );
    expect(foreign).toEqual([]);
  });
});

describe.each(['atomics', 'mmu'])('the sources of %s', (room) => {
  it('import nothing of Node', () => {
    const node = [...sourcesOf(room)].flatMap(([file, source]) =>
      importsOf(source)
        .filter((name) => name.startsWith('node:'))
        .map((name) => `${room}/src/${file} imports ${name}`),
    );
    expect(node).toEqual([]);
  });
});
