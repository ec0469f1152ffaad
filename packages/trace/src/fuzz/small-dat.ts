// Small files made of the pages and formats of a real one: a whole file is mostly formats, and would be damaged there only.

import { cpuPages } from '../dat/cpu-pages.ts';
import { CpuStream } from '../dat/cpu-stream.ts';
import type { DatFile } from '../dat/dat-file.ts';
import { FileSource } from '../dat/dat-source.ts';
import { readLayout } from '../dat/layout.ts';
import type { Unpack } from '../dat/unpack.ts';
import { type CpuPages, type DatContents, datV6, datV7, PAGE_BYTES } from './dat-writer.ts';

const PAGES_PER_CPU = 2;
const rejectDamage = (damage: Error): never => {
  throw damage;
};

/** One of each version and packing. */
export async function smallDats(path: string): Promise<Uint8Array[]> {
  const source = new FileSource(path);
  const { file, unpack } = await readLayout(source, rejectDamage);
  const cpus = file.cpus.map((data) => firstPages(data, source, unpack));
  const ids = cpus.flatMap(({ pages }) => pages.flatMap((page) => [...idsOf(page, file)]));
  const formats = [...new Set(ids)].flatMap((id) => file.formatTexts.get(id) ?? []);
  source.close();
  const stats = ['CPU: 0\nentries: 0\noverrun: 0\ndropped events: 0\n'];
  const tasks = Object.fromEntries(file.tasks);
  const contents: DatContents = { formats, cpus, tasks, stats, clock: file.clock };
  return [datV6(contents), datV7(contents), datV7({ ...contents, compression: 'zlib' })];
}

function firstPages(data: DatFile['cpus'][number], source: FileSource, unpack: Unpack): CpuPages {
  const [first] = cpuPages(data, source, unpack, rejectDamage);
  const bytes = first?.bytes ?? new Uint8Array(0);
  const pages = Array.from({ length: PAGES_PER_CPU }, (_, n) =>
    bytes.slice(n * PAGE_BYTES, (n + 1) * PAGE_BYTES),
  );
  return { cpu: data.cpu, pages };
}

/** Numbers of the events in a page. */
function* idsOf(page: Uint8Array, { page: layout }: DatFile): Generator<number> {
  const source = { size: page.length, read: () => page.slice(), close: () => {} };
  const data = { cpu: 0, offset: 0, size: page.length, pageSize: page.length, packed: false };
  const origin = { low: 0, high: 0, isSet: false };
  const unpack: Unpack = () => undefined;
  const stream = new CpuStream({ data, source, unpack, layout, origin, onDamage: rejectDamage });
  while (stream.advance()) yield (stream.words[stream.at >> 2] ?? 0) & 0xffff;
}
