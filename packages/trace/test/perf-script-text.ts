// The events of a trace.dat as text in the columns of perf script: the bodies are what the formats say, as libtraceevent
// prints them without plugins. No output of perf lies behind this.
import { CpuStream } from '../src/dat/cpu-stream.ts';
import { FileSource } from '../src/dat/dat-source.ts';
import type { EventFormat } from '../src/dat/event-format.ts';
import { readLayout } from '../src/dat/layout.ts';
import { deliverSome } from '../src/dat/merge.ts';
import { EventPrinter } from '../src/dat/print-event.ts';
import { EventRecord } from '../src/dat/record.ts';

export async function perfScriptOf(path: string): Promise<string> {
  const source = new FileSource(path);
  const onDamage = (damage: Error): never => {
    throw damage;
  };
  const { file, unpack } = await readLayout(source, onDamage);
  const origin = { low: 0, high: 0, isSet: false };
  const streams = file.cpus.map(
    (data) => new CpuStream({ data, source, unpack, layout: file.page, origin, onDamage }),
  );
  for (const stream of streams) stream.advance();
  const zero = origin.high * 2 ** 32 + origin.low;
  const formats = [...file.formatTexts.keys()].flatMap((id) => file.format(id) ?? []);
  const printers = new Map(formats.map((of) => [of.id, bodyPrinter(of)]));
  const record = new EventRecord();
  const lines: string[] = [];
  const deliver = (stream: CpuStream): void => {
    Object.assign(record, { bytes: stream.bytes, words: stream.words });
    Object.assign(record, { at: stream.at, length: stream.length });
    const printer = printers.get((record.words[record.at >> 2] ?? 0) & 0xffff);
    const pid = record.words[(record.at >> 2) + 1] ?? 0;
    const task = file.tasks.get(pid) ?? '<...>';
    const cpu = `[${String(stream.cpu).padStart(3, '0')}]`;
    const time = ((zero + stream.time) / 1e9).toFixed(9).padStart(16);
    const name = printer?.name ?? '';
    const body = printer?.print(record) ?? '';
    lines.push(
      `${task.padStart(16)} ${String(pid).padStart(5)} ${cpu} ${time}: ${`some:${name}`.padStart(26)}: ${body}`,
    );
  };
  while (deliverSome(streams, 65_536, deliver));
  source.close();
  return `${lines.join('\n')}\n`;
}

function bodyPrinter(format: EventFormat): { name: string; print(record: EventRecord): string } {
  const { name } = format;
  const text = format.fields.get('buf');
  if (name === 'print' && text !== undefined) {
    return { name, print: (record) => `tracing_mark_write: ${record.string(text).trimEnd()}` };
  }
  const printer = EventPrinter.of(format);
  // libtraceevent shows the fields of what it cannot print; those of shadow pages are all whole numbers.
  const fields = [...format.fields.values()].filter(({ name }) => !name.startsWith('common_'));
  const shown = (record: EventRecord): string =>
    fields.map((field) => `${field.name}=${record.number(field)}`).join(' ');
  return {
    name,
    print: (record) => printer?.print(record) ?? `[FAILED TO PARSE] ${shown(record)}`,
  };
}
