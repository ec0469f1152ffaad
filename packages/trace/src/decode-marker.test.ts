import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../test/parse-text.ts';

const mark = (text: string) => parseLines(lineOf(`tracing_mark_write: ${text}`));

const DOCUMENTED = [
  '{"ev":"start","workload":"ksmrace","args":"vcpus=2","pid":172}',
  '{"ev":"end"}',
  '{"ev":"phase","name":"warmup"}',
  '{"ev":"vm","op":"create","vcpus":2,"guest_ram_mb":4,"guest_pt":"2m-identity"}',
  '{"ev":"vm","op":"destroyed"}',
  '{"ev":"vcpu","vcpu":0,"tid":258,"root":"0x100000"}',
  '{"ev":"alloc","hva":"0x7f73ee600000","size":8388608,"thp":0,"map":"private-anon"}',
  '{"ev":"memslot","at":"begin","op":"create","slot":0,"gpa":"0x0","size":8388608,"hva":"0x7f73ee600000","flags":0}',
  '{"ev":"memslot","at":"end","op":"flags","slot":1,"gpa":"0x10000000","size":8388608,"hva":"0x7f73ee600000","flags":1,"errno":0}',
  '{"ev":"enable_cap","cap":"MANUAL_DIRTY_LOG_PROTECT2","arg":3,"errno":0}',
  '{"ev":"enable_cap","cap":"DIRTY_LOG_RING","entries":1024,"errno":0}',
  '{"ev":"get_dirty_log","at":"begin","slot":1,"round":0}',
  '{"ev":"get_dirty_log","at":"end","slot":1,"round":0,"pages":2048,"dirty":17}',
  '{"ev":"dirty_bits","slot":1,"round":0,"base_gfn":"0x10000","first_page":0,"words_hex":"ffffffffffffffff0000000000000001"}',
  '{"ev":"clear_dirty_log","at":"begin","slot":1,"round":0,"first_page":0,"num_pages":1024,"bits":"as the last get_dirty_log of the slot"}',
  '{"ev":"clear_dirty_log","at":"end","slot":1,"round":0,"first_page":0,"num_pages":1024,"errno":0}',
  '{"ev":"reset_dirty_rings","at":"begin","why":"full","harvested":1383}',
  '{"ev":"reset_dirty_rings","at":"end","reset":1383}',
  '{"ev":"ring_gfns","vcpu":0,"slot_off":"1:4fc 1:dce"}',
  '{"ev":"ring_full","vcpu":1}',
  '{"ev":"host","act":"fork-begin","hva":"0x7fc196000000","len":16777216,"rc":0,"errno":0}',
  '{"ev":"sysfs","file":"/proc/sys/vm/compact_memory","val":"1"}',
  '{"ev":"ksm_stat","shared":8,"sharing":43,"scans":1}',
  '{"ev":"mmio_exit","vcpu":0,"gpa":"0xd0000000","len":4,"write":1,"n":1}',
  '{"ev":"vcpu_stats","vcpu":0,"calls":13,"mmio":0,"efault":0,"ringfull":0}',
];

describe('a documented marker', () => {
  it.each(DOCUMENTED)('is delivered as its JSON object: %s', (text) => {
    expect(mark(text).events.map(({ body }) => body)).toEqual([
      { event: 'marker', marker: JSON.parse(text) },
    ]);
  });

  it('has typed fields', () => {
    const body = mark(DOCUMENTED[12] ?? '').events[0]?.body;
    const dirty =
      body?.event === 'marker' && body.marker.ev === 'get_dirty_log' && body.marker.dirty;
    expect(dirty).toBe(17);
  });

  it.each([
    ['{"ev":"phase"}', 'a phase marker with name: string'],
    ['{"ev":"ring_full","vcpu":"1"}', 'a ring_full marker with vcpu: number'],
    ['{"ev":"vcpu","vcpu":0,"tid":1,"root":"100000"}', 'a vcpu marker with root: hex'],
    ['{"ev":"reset_dirty_rings","at":"middle"}', 'a reset_dirty_rings marker with at: at'],
    ['{"ev":"vm","op":"create","vcpus":"two"}', 'a vm marker with vcpus: number'],
    ['{"ev":"phase","name":"war', 'a whole JSON object'],
  ])('that is damaged is an error: %s', (text, expected) => {
    const { events, summary } = mark(text);
    expect(events).toEqual([]);
    expect(summary.errors).toMatchObject([{ line: 1, expected }]);
  });
});

describe('a marker of somebody else', () => {
  it('is delivered as it is if it has an `ev`', () => {
    const body = mark('{"ev":"nested_done","exits":1}').events[0]?.body;
    expect(body).toEqual({ event: 'other_marker', marker: { ev: 'nested_done', exits: 1 } });
  });

  it.each(['B|1234|frame', '{"phase":1}', '{"ev":7}'])('is only counted otherwise: %s', (text) => {
    const { events, summary } = mark(text);
    expect(events).toEqual([]);
    expect(summary).toMatchObject({ errorCount: 0, unknown: { tracing_mark_write: 1 } });
  });
});
