import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../../test/parse-text.ts';
import { readTrace } from '../read-trace.ts';
import type { TraceEvent } from '../trace-event.ts';
import { type Conversion, newConverter } from './converter.ts';

const RACE = join(import.meta.dirname, '../../../../traces/k6.12-tdp-ksm-race.txt.gz');

function converted(to: Conversion, events: readonly TraceEvent[]): Buffer {
  const pieces: Buffer[] = [];
  const converter = newConverter(to, (piece) => pieces.push(Buffer.from(piece)));
  for (const event of events) converter.add(event);
  converter.end();
  return Buffer.concat(pieces);
}

const at = (us: number, event: string): string =>
  lineOf(event).replace('8.652615', (us / 1e6).toFixed(6));
const EXIT =
  'kvm_exit: vcpu 3 reason npf rip 0x10492 info1 0x0000000100000007 info2 0x000000001005f123 intr_info 0x00000000 error_code 0x00000000';
const FAULT =
  'kvm_page_fault: vcpu 3 rip 0xffffffff81000000 address 0x000000001005f123 error_code 0x100000007';
const FIXED =
  'fast_page_fault: vcpu 3 gva 1005f123 error_code P|W|U|0x100000000 sptep ffff88813269aa18 old 0x8000000123ab7e65 new 8000000123ab7e67 spurious 0 fixed 1';
const ENTRY = 'kvm_entry: vcpu 3, rip 0x10492';
const one = parseLines(
  at(1_000_000, EXIT),
  at(1_000_004, FAULT),
  at(1_000_005, FIXED),
  at(1_000_012, ENTRY),
).events;

const race: Promise<TraceEvent[]> = (async () => {
  const events: TraceEvent[] = [];
  await readTrace(RACE, (event) => events.push(event));
  return events;
})();

/** Perfetto's messages as far as they are used, from its reference; decoded by somebody else's code. */
const schema = protobuf.parse(
  `
  syntax = "proto2";
  message Trace { repeated TracePacket packet = 1; }
  message TracePacket {
    optional uint64 timestamp = 8; optional uint32 trusted_packet_sequence_id = 10;
    optional TrackEvent track_event = 11; optional uint32 sequence_flags = 13;
    optional TrackDescriptor track_descriptor = 60;
  }
  message TrackDescriptor {
    optional uint64 uuid = 1; optional string name = 2; optional ProcessDescriptor process = 3;
    optional uint64 parent_uuid = 5; optional CounterDescriptor counter = 8;
  }
  message ProcessDescriptor { optional int32 pid = 1; optional string process_name = 6; }
  message CounterDescriptor { optional string unit_name = 6; }
  message DebugAnnotation { optional int64 int_value = 4; optional string string_value = 6; optional string name = 10; }
  message TrackEvent {
    repeated DebugAnnotation debug_annotations = 4; optional int32 type = 9; optional uint64 track_uuid = 11;
    optional string name = 23; optional double double_counter_value = 44;
  }`,
  { keepCase: true },
).root;

interface Packet {
  readonly timestamp?: number;
  readonly track_event?: {
    readonly type: number;
    readonly track_uuid: number;
    readonly name?: string;
    readonly double_counter_value?: number;
    readonly debug_annotations?: readonly {
      name: string;
      string_value?: string;
      int_value?: number;
    }[];
  };
  readonly track_descriptor?: {
    readonly uuid: number;
    readonly name?: string;
    readonly parent_uuid?: number;
  };
}
function packetsOf(bytes: Uint8Array): readonly Packet[] {
  const type = schema.lookupType('Trace');
  const { packet } = type.toObject(type.decode(bytes), { longs: Number }) as { packet: Packet[] };
  return packet;
}
const [BEGIN, END, INSTANT, COUNTER] = [1, 2, 3, 4] as const;
const ratesOf = (packets: readonly Packet[]): (number | undefined)[] =>
  packets
    .filter(({ track_event }) => track_event?.type === COUNTER)
    .map(({ track_event }) => track_event?.double_counter_value);

describe('a fault in the format of Perfetto', () => {
  const packets = packetsOf(converted('perfetto', one));

  it('is a slice of its vCPU from exit to re-entry, in nanoseconds, named for what became of it', () => {
    const [begin, end] = packets.filter(
      ({ track_event }) => track_event && track_event.type !== COUNTER,
    );
    expect(begin).toMatchObject({
      timestamp: 1_000_000_000,
      track_event: {
        type: BEGIN,
        name: 'fast path: fixed without mmu_lock',
        debug_annotations: [{ name: 'gfn', string_value: '0x1005f' }],
      },
    });
    expect(end).toMatchObject({ timestamp: 1_000_012_000, track_event: { type: END } });
    const track = packets.find(
      ({ track_descriptor }) => track_descriptor?.uuid === begin?.track_event?.track_uuid,
    );
    expect(track?.track_descriptor).toMatchObject({ name: 'vCPU 3 (vcpu0 177)', parent_uuid: 1 });
  });

  it('has the dirty rate beside it', () => {
    expect(ratesOf(packets)).toEqual([10]);
  });

  it('is an instant where the clock ran backwards before its end', () => {
    const { events } = parseLines(at(1_000_000, EXIT), at(1_000_004, FAULT), at(999_990, ENTRY));
    const types = packetsOf(converted('perfetto', events)).map(
      ({ track_event }) => track_event?.type,
    );
    expect(types.filter((type) => type !== undefined)).toEqual([INSTANT]);
  });
});

describe('the dirty rate in the format of Perfetto', () => {
  it('is nothing in a time without writes, however long that is', () => {
    const { events } = parseLines(at(0, FIXED), at(100_000, FIXED), at(1e17, FIXED));
    expect(ratesOf(packetsOf(converted('perfetto', events)))).toEqual([10, 10, 0, 10]);
  });
});

describe('a recorded trace in the format of Perfetto', () => {
  it('begins and ends every slice on a track that is described', async () => {
    const packets = packetsOf(converted('perfetto', await race));
    const uuids = new Set(packets.flatMap(({ track_descriptor }) => track_descriptor?.uuid ?? []));
    const open = new Map<number, number>();
    const times = new Map<number, number>();
    let instants = 0;
    for (const { track_event, timestamp = Number.NaN } of packets) {
      if (track_event === undefined) continue;
      expect(uuids.has(track_event.track_uuid)).toBe(true);
      // Slices of a track follow each other, or Perfetto would not nest them.
      if (track_event.type === BEGIN || track_event.type === END) {
        expect(timestamp).toBeGreaterThanOrEqual(times.get(track_event.track_uuid) ?? 0);
        times.set(track_event.track_uuid, timestamp);
      }
      const depth = open.get(track_event.track_uuid) ?? 0;
      if (track_event.type === BEGIN) open.set(track_event.track_uuid, depth + 1);
      if (track_event.type === END) open.set(track_event.track_uuid, depth - 1);
      if (track_event.type === INSTANT) instants++;
    }
    expect([...open.values()].every((depth) => depth === 0)).toBe(true);
    expect(instants).toBeGreaterThan(0); // its races
    const harvests = packets.filter(({ track_event }) => track_event?.name === 'harvest of slot 1');
    expect(harvests).toHaveLength(61);
  });
});

describe('the same as trace events of Chrome', () => {
  it('is JSON with the fault as a complete event of its thread', () => {
    const { traceEvents } = JSON.parse(converted('chrome', one).toString());
    expect(traceEvents).toContainEqual({
      ph: 'X',
      pid: 1,
      tid: 177,
      ts: 1_000_000,
      dur: 12,
      name: 'fast path: fixed without mmu_lock',
      args: { gfn: '0x1005f' },
    });
    expect(traceEvents).toContainEqual({
      ph: 'M',
      pid: 1,
      tid: 177,
      name: 'thread_name',
      args: { name: 'vCPU 3 (vcpu0 177)' },
    });
  });
});

describe('an event to a line', () => {
  it('has what has 64 bits as hexadecimal strings, the kernel half too', () => {
    const lines = converted('ndjson', one)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatchObject({
      event: 'kvm_page_fault',
      vcpu_id: 3,
      rip: '0xffffffff81000000',
      fault_address: '0x1005f123',
    });
    expect(lines[2]).toMatchObject({
      time: 1_000_005,
      cpu: 2,
      pid: 177,
      task: 'vcpu0',
      sptep: '0xffff88813269aa18',
      old_spte: '0x8000000123ab7e65',
      fixed: true,
    });
  });
});

describe('rows', () => {
  it('of a CSV have the columns of the head, and the rest quoted in the last', () => {
    const [head, ...rows] = converted('csv', one).toString().trimEnd().split('\n');
    expect(head).toBe(
      'time,cpu,pid,task,event,vcpu_id,gfn,address,error_code,level,old_spte,new_spte,spte,spurious,fixed,slot,rest',
    );
    expect(rows[2]).toBe(
      '1000005,2,177,vcpu0,fast_page_fault,3,65631,0x1005f123,4294967303,,0x8000000123ab7e65,0x8000000123ab7e67,,false,true,,"{""sptep"":""0xffff88813269aa18""}"',
    );
  });

  it('of a Parquet file come back as they were, group after group', async () => {
    const events = await race;
    const bytes = converted('parquet', events);
    const file = bytes.buffer.slice(
      bytes.byteOffset,
      bytes.byteOffset + bytes.length,
    ) as ArrayBuffer;
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(events.length);
    const i = events.findIndex(({ body }) => body.event === 'fast_page_fault');
    const { time, body } = events[i] as TraceEvent;
    if (body.event !== 'fast_page_fault') throw new Error('expected the event that was looked for');
    expect(rows[i]).toMatchObject({
      time,
      event: 'fast_page_fault',
      vcpu_id: body.vcpu_id,
      gfn: BigInt(Math.floor(body.cr2_or_gpa / 4096)),
      error_code: BigInt(body.error_code),
      fixed: body.fixed,
    });
    expect(rows.at(-1)).toMatchObject({ time: events.at(-1)?.time, level: null });
  });
});

describe('a heat map', () => {
  it('counts each page in the bin of its region and time', async () => {
    const svg = converted('svg', await race).toString();
    expect(svg).toMatch(/^<svg xmlns=/);
    expect(svg.trimEnd().endsWith('</svg>')).toBe(true);
    expect(svg).toContain('>slot 1</text>');
    expect(svg).toContain('>harvests</text>');
  });

  it('of a trace in which nothing was dirtied is refused', () => {
    expect(() => converted('svg', parseLines(lineOf(ENTRY)).events)).toThrow(
      'expected pages that become writable, got none',
    );
  });
});
