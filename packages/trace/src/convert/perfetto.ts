// Perfetto's own format: a file is a sequence of packets, of which each describes a track or tells one event of it.
// Field numbers: perfetto.dev/docs/reference/trace-packet-proto
import type { Sink } from './converter.ts';
import { ProtoWriter } from './protobuf.ts';
import type { Details, TimelineWriter, Track } from './timeline.ts';

const TRACE = { packet: 1 } as const;
const PACKET = {
  timestamp: 8,
  trusted_packet_sequence_id: 10,
  track_event: 11,
  sequence_flags: 13,
  track_descriptor: 60,
} as const;
const DESCRIPTOR = { uuid: 1, name: 2, process: 3, parent_uuid: 5, counter: 8 } as const;
const PROCESS = { pid: 1, process_name: 6 } as const;
const COUNTER = { unit_name: 6 } as const;
const EVENT = {
  debug_annotations: 4,
  type: 9,
  track_uuid: 11,
  name: 23,
  double_counter_value: 44,
} as const;
const ANNOTATION = { int_value: 4, string_value: 6, name: 10 } as const;
const TYPE = { SLICE_BEGIN: 1, SLICE_END: 2, INSTANT: 3, COUNTER: 4 } as const;

const SEQ_INCREMENTAL_STATE_CLEARED = 1;
const SEQUENCE = 1;
const VM = 1;
/** Of tracks: those of threads lie behind all others. */
const UUID = { vm: 1, counter: 2, threads: 1000 } as const;
const NS_PER_US = 1000;

interface PacketEvent {
  readonly type: number;
  readonly track: number;
  readonly time: number;
  readonly name?: string;
  readonly details?: Details;
  readonly value?: number;
}

export class PerfettoWriter implements TimelineWriter {
  readonly #sink: Sink;
  readonly #file = new ProtoWriter();
  readonly #packet = new ProtoWriter();
  readonly #message = new ProtoWriter();
  readonly #inner = new ProtoWriter();
  #isFirst = true;
  #hasCounter = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#inner.uint(PROCESS.pid, VM);
    this.#inner.string(PROCESS.process_name, 'KVM guest');
    this.#message.uint(DESCRIPTOR.uuid, UUID.vm);
    this.#message.bytesField(DESCRIPTOR.process, this.#inner.bytes);
    this.#describe();
  }

  track({ id, name }: Track): void {
    this.#message.uint(DESCRIPTOR.uuid, UUID.threads + id);
    this.#message.uint(DESCRIPTOR.parent_uuid, UUID.vm);
    this.#message.string(DESCRIPTOR.name, name);
    this.#describe();
  }

  slice(of: Track, name: string, span: { begin: number; end: number }, details: Details): void {
    const track = UUID.threads + of.id;
    this.#event({ type: TYPE.SLICE_BEGIN, track, time: span.begin, name, details });
    this.#event({ type: TYPE.SLICE_END, track, time: span.end });
  }

  instant(of: Track, name: string, time: number, details: Details): void {
    this.#event({ type: TYPE.INSTANT, track: UUID.threads + of.id, time, name, details });
  }

  counter(name: string, unit: string, time: number, value: number): void {
    if (!this.#hasCounter) this.#describeCounter(name, unit);
    this.#hasCounter = true;
    this.#event({ type: TYPE.COUNTER, track: UUID.counter, time, value });
  }

  end(): void {}

  #describeCounter(name: string, unit: string): void {
    this.#inner.string(COUNTER.unit_name, unit);
    this.#message.uint(DESCRIPTOR.uuid, UUID.counter);
    this.#message.uint(DESCRIPTOR.parent_uuid, UUID.vm);
    this.#message.string(DESCRIPTOR.name, name);
    this.#message.bytesField(DESCRIPTOR.counter, this.#inner.bytes);
    this.#describe();
  }

  #describe(): void {
    this.#packet.bytesField(PACKET.track_descriptor, this.#message.bytes);
    this.#write();
  }

  #event({ type, track, time, name, details = {}, value }: PacketEvent): void {
    this.#message.uint(EVENT.type, type);
    this.#message.uint(EVENT.track_uuid, track);
    if (name !== undefined) this.#message.string(EVENT.name, name);
    if (value !== undefined) this.#message.double(EVENT.double_counter_value, value);
    for (const [key, detail] of Object.entries(details)) this.#annotate(key, detail);
    this.#packet.uint(PACKET.timestamp, Math.round(time * NS_PER_US));
    this.#packet.bytesField(PACKET.track_event, this.#message.bytes);
    this.#write();
  }

  #annotate(key: string, detail: string | number): void {
    this.#inner.clear();
    this.#inner.string(ANNOTATION.name, key);
    if (typeof detail === 'number') this.#inner.uint(ANNOTATION.int_value, detail);
    else this.#inner.string(ANNOTATION.string_value, detail);
    this.#message.bytesField(EVENT.debug_annotations, this.#inner.bytes);
  }

  #write(): void {
    this.#packet.uint(PACKET.trusted_packet_sequence_id, SEQUENCE);
    if (this.#isFirst) this.#packet.uint(PACKET.sequence_flags, SEQ_INCREMENTAL_STATE_CLEARED);
    this.#isFirst = false;
    this.#file.bytesField(TRACE.packet, this.#packet.bytes);
    this.#sink(this.#file.bytes);
    for (const writer of [this.#file, this.#packet, this.#message, this.#inner]) writer.clear();
  }
}
