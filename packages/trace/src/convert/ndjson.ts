// One event to a line, each a JSON object: for jq, and for programs.
import type { TraceEvent } from '../trace-event.ts';
import type { Converter, Sink } from './converter.ts';
import { plainFields } from './plain-fields.ts';
import { TextSink } from './text-sink.ts';

export class NdjsonWriter implements Converter {
  readonly #out: TextSink;

  constructor(sink: Sink) {
    this.#out = new TextSink(sink);
  }

  add({ time, cpu, pid, task, body }: TraceEvent): void {
    const line = { time, cpu, pid, task, event: body.event, ...plainFields(body) };
    this.#out.write(`${JSON.stringify(line)}\n`);
  }

  end(): void {
    this.#out.flush();
  }
}
