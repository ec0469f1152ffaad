// Rows as RFC 4180 has them, with a head; an empty cell is a field that the event has not.
import type { TraceEvent } from '../trace-event.ts';
import { COLUMNS, type ColumnName, rowOf } from './columns.ts';
import type { Converter, Sink } from './converter.ts';
import type { Plain } from './plain-fields.ts';
import { TextSink } from './text-sink.ts';

const NAMES = Object.keys(COLUMNS) as ColumnName[];

export class CsvWriter implements Converter {
  readonly #out: TextSink;

  constructor(sink: Sink) {
    this.#out = new TextSink(sink);
    this.#out.write(`${NAMES.join(',')}\n`);
  }

  add(event: TraceEvent): void {
    const row = rowOf(event);
    this.#out.write(`${NAMES.map((name) => cell(row[name])).join(',')}\n`);
  }

  end(): void {
    this.#out.flush();
  }
}

function cell(value: Plain | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
