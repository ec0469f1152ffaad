// A trace.dat as trace-cmd itself prints it and converts it, each read and compared with our reading of the file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compared, compare, type Verdict } from './compare.ts';
import { type Counted, type Reading, readCounted, readingOf } from './counted.ts';
import { REPORT_TEXTS, type ReportText, type View } from './report-text.ts';
import { convertDat, cpusOf, type Packing, readReport } from './trace-cmd.ts';

const PACKINGS: readonly Packing[] = [
  { version: 6, compression: 'none' },
  { version: 7, compression: 'none' },
  { version: 7, compression: 'zstd' },
];

/** `counted` is of the file itself; `say` is told each verdict as it is reached. */
export async function checkByTraceCmd(
  dat: string,
  counted: Counted,
  say: (verdict: Verdict) => void,
): Promise<void> {
  for (const text of REPORT_TEXTS) say(await checkReport(dat, text));
  const folder = mkdtempSync(join(tmpdir(), 'faultline-check-'));
  try {
    for (const packing of PACKINGS) {
      say(await checkConverted(dat, counted, { to: join(folder, 'trace.dat'), packing }));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkReport(dat: string, { words, view }: ReportText): Promise<Verdict> {
  const text: Reading = (onEvent) => readReport(dat, words, onEvent);
  const verdict = await compare(
    { name: 'report', read: text, counted: await readCounted(text) },
    await seen(dat, view),
  );
  return named(['trace-cmd report', ...words].join(' '), verdict);
}

async function checkConverted(
  dat: string,
  counted: Counted,
  { to, packing }: { readonly to: string; readonly packing: Packing },
): Promise<Verdict> {
  await convertDat(dat, to, packing);
  const kept = await cpusOf(to);
  const left = [...(await cpusOf(dat))].filter((cpu) => !kept.has(cpu));
  const read = readingOf(to);
  const onlyKept: View = () => (event) => (kept.has(event.cpu) ? event : undefined);
  const verdict = await compare(
    { name: 'converted', read, counted: await readCounted(read) },
    left.length === 0 ? { name: 'dat', read: readingOf(dat), counted } : await seen(dat, onlyKept),
  );
  const { version, compression } = packing;
  const lost = left.length === 0 ? '' : ` (which lost CPU ${left.join(', ')})`;
  return named(`trace-cmd convert, version ${version}, ${compression}${lost}`, verdict);
}

/** The file as far as the other way shows it. */
async function seen(dat: string, view: View): Promise<Compared> {
  const read: Reading = (onEvent) => {
    const show = view();
    return readingOf(dat)((event) => {
      const shown = show(event);
      if (shown !== undefined) onEvent(shown);
    });
  };
  return { name: 'dat', read, counted: await readCounted(read) };
}

const named = (name: string, { ok, lines: [first, ...more] }: Verdict): Verdict => ({
  ok,
  lines: [`${name}: ${first}`, ...more],
});
