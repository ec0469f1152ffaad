// Chrome's trace events, for chrome://tracing and ui.perfetto.dev. One process, the VM, with a thread for each vCPU. Large
// traces are better off with Perfetto's own format: a viewer reads this one whole before it shows anything.
import type { Sink } from './converter.ts';
import { TextSink } from './text-sink.ts';
import type { Details, TimelineWriter, Track } from './timeline.ts';

const VM = 1;

export class ChromeWriter implements TimelineWriter {
  readonly #out: TextSink;

  constructor(sink: Sink) {
    this.#out = new TextSink(sink);
    const name = { ph: 'M', pid: VM, name: 'process_name', args: { name: 'KVM guest' } };
    this.#out.write(`{"displayTimeUnit":"ns","traceEvents":[\n${JSON.stringify(name)}`);
  }

  track({ id, name }: Track): void {
    this.#event({ ph: 'M', pid: VM, tid: id, name: 'thread_name', args: { name } });
  }

  slice(track: Track, name: string, span: { begin: number; end: number }, args: Details): void {
    const dur = span.end - span.begin;
    this.#event({ ph: 'X', pid: VM, tid: track.id, ts: span.begin, dur, name, args });
  }

  instant(track: Track, name: string, time: number, args: Details): void {
    this.#event({ ph: 'i', s: 't', pid: VM, tid: track.id, ts: time, name, args });
  }

  counter(name: string, unit: string, time: number, value: number): void {
    this.#event({ ph: 'C', pid: VM, ts: time, name, args: { [unit]: value } });
  }

  end(): void {
    this.#out.write('\n]}\n');
    this.#out.flush();
  }

  #event(event: object): void {
    this.#out.write(`,\n${JSON.stringify(event)}`);
  }
}
