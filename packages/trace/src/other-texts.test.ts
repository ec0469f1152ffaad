import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { collectFile } from '../test/collect.ts';
import { parseLines, parseText } from '../test/parse-text.ts';
import { perfScriptOf } from '../test/perf-script-text.ts';
import type { TraceBody, TraceEvent } from './index.ts';

const RACE = join(import.meta.dirname, '../../../traces/k6.12-tdp-ksm-race');

/** Without the line, which depends on the text. */
const untold = ({ task, pid, cpu, time, body }: TraceEvent) => ({
  task,
  pid,
  cpu,
  time: Math.round(time),
  body,
});

describe('the text that the formats give, in the columns of perf script', () => {
  it('gives the events of the ftrace text', async () => {
    const ftrace = await collectFile(`${RACE}.txt.gz`);
    const { events, summary } = parseText(await perfScriptOf(`${RACE}.dat`));
    expect(events.map(untold)).toEqual(ftrace.events.map(untold));
    expect(summary).toMatchObject({
      format: 'perf script',
      errorCount: 0,
      events: 70_180,
      unknown: {},
    });
  });
});

describe('what trace-cmd 3.1.6 itself prints of parts of the bundled trace.dat', () => {
  const sample = (name: string) =>
    readFileSync(join(import.meta.dirname, `../test/trace-cmd/${name}.txt`), 'utf8');
  const place = ({ cpu, time, body }: TraceEvent) => `${cpu} ${Math.round(time)} ${body.event}`;
  let dat: ReadonlyMap<string, TraceEvent>;

  beforeAll(async () => {
    const { events } = await collectFile(`${RACE}.dat`);
    dat = new Map(events.map((event) => [place(event), event]));
  });

  /** The same events of the trace.dat, changed by `shown` to what the text can say. */
  const originals = (events: readonly TraceEvent[], shown: (event: TraceEvent) => object) =>
    events.map((event) => {
      const original = dat.get(place(event));
      return original === undefined ? `no ${place(event)} in the trace.dat` : shown(original);
    });

  it('without plugins, with nanoseconds, says all that the trace.dat does', () => {
    const { events, summary } = parseText(sample('report-N-t'));
    const unnumbered = (event: TraceEvent) => ({ ...event, line: 0 });
    expect(events.map(unnumbered)).toEqual(originals(events, unnumbered));
    expect(summary).toMatchObject({
      format: 'trace-cmd report',
      cpus: 3,
      events: 72,
      decoded: 72,
      errorCount: 0,
    });
  });

  const withPlugin = (body: TraceBody): TraceBody =>
    body.event === 'kvm_exit' ? { ...body, intr_info: 0, error_code: 0 } : body;

  it('with plugins it does not say what an exit interrupted, nor whose a shadow page is', () => {
    const { events, summary } = parseText(sample('report'));
    const expected = originals(events, (event) => ({
      ...untold(event),
      body: withPlugin(event.body),
    }));
    expect(events.map(untold)).toEqual(expected);
    const { unknown, decoded, errorCount } = summary;
    expect({ unknown, decoded, errorCount }).toEqual({
      unknown: { kvm_mmu_get_page: 4, kvm_mmu_prepare_zap_page: 1 },
      decoded: 67,
      errorCount: 0,
    });
  });

  it('in the latency format it cuts names to eight letters', () => {
    const { events, summary } = parseText(sample('report-l'));
    const expected = originals(events, (event) => ({
      ...untold(event),
      task: event.task.slice(0, 8),
      body: withPlugin(event.body),
    }));
    expect(events.map(untold)).toEqual(expected);
    expect(summary).toMatchObject({ decoded: 67, errorCount: 0 });
  });

  it('with differences of times is refused with its reason', () => {
    const lines = [
      'cpus=3',
      '            kvmw-172   [000]    11.077613:          sys_enter_mprotect:   start: 0x005db000, len: 0x00007000, prot: 0x00000001',
      '            kvmw-172   [000]    11.078090: (+477)   sys_exit_mprotect:    0x0',
    ];
    expect(() => parseLines(...lines)).toThrow(
      'got differences of times, as of trace-cmd report --ts-diff; take it without: "kvmw-172',
    );
  });

  it('as raw fields is refused with its reason', () => {
    expect(() => parseText(sample('report-R'))).toThrow(
      'some.txt:2: expected "start", got raw fields, as of trace-cmd report -R; take it without: "kvmw-172',
    );
  });
});

describe('trace-cmd report with the plugin of libtraceevent', () => {
  const HEAD = ['version = 6', 'cpus=8', 'CPU 3 is empty', 'CPU:7 [204600 EVENTS DROPPED]'];
  const lines = (...bodies: string[]) =>
    bodies.map((body, n) => `  qemu-kvm-3979  [007]   217.97528${n}: ${body}`);

  it('says the vCPU of an exit by the entry before it in the same thread', () => {
    const { events, summary } = parseLines(
      ...HEAD,
      ...lines(
        'kvm_exit:             reason EXTERNAL_INTERRUPT rip 0x1000 info 0 800000fd',
        'kvm_entry:            vcpu 2, rip 0x1000',
        'kvm_exit:             reason EPT_VIOLATION rip 0xffffffff81000000 info 182 0',
        'kvm_mmu_get_page:     new sp gfn 0 0/4 q0 direct --- !pge !nxe root 0 sync',
        'kvm_emulate_insn:     0:fec0: 89 55 00 FAIL',
      ),
    );
    expect(events.map(({ body }) => ('vcpu_id' in body ? body.vcpu_id : undefined))).toEqual([
      -1,
      2,
      2,
      undefined,
    ]);
    expect(events[2]?.body).toMatchObject({
      reason: 'EPT_VIOLATION',
      info1: { low: 0x182, high: 0 },
      rip: -0x7f00_0000,
    });
    expect(events[3]?.body).toMatchObject({ insn: '89 55 00', failed: true, flags: '' });
    expect(summary).toMatchObject({
      format: 'trace-cmd report',
      cpus: 8,
      lost: { reported: 204_600 },
      unknown: { kvm_mmu_get_page: 1 },
      errorCount: 0,
    });
  });

  it('may have nanoseconds, and no vCPU index in the flags', () => {
    const { events } = parseLines(
      'cpus=4',
      '   CPU 0/KVM-4242  [002] d..1.   217.975284123: kvm_entry:            vcpu 0, rip 0x1000',
    );
    expect(events[0]).toMatchObject({ task: 'CPU 0/KVM', pid: 4242, time: 217_975_284.123 });
  });
});

describe('perf script', () => {
  // What perf 6.1.192 printed of an `ls`, on a host without guests.
  const printed = (name: string) =>
    parseText(readFileSync(join(import.meta.dirname, `../test/perf-script/${name}.txt`), 'utf8'));

  it.each([
    ['--ns', 'ns'],
    ['-F +pid', 'pid'],
  ])('says the same with %s', (_, name) => {
    const { events, summary } = printed(name);
    // perf cuts what trace-cmd rounds.
    const cut = (event: TraceEvent) => untold({ ...event, time: Math.floor(event.time) });
    expect(events.map(cut)).toEqual(printed('plain').events.map(cut));
    const { format, decoded, errorCount } = summary;
    expect([format, decoded, errorCount]).toEqual(['perf script', 7, 0]);
  });

  it('may have call chains, as perf prints them', () => {
    const { decoded, counts, errorCount } = printed('call-chains').summary;
    expect([decoded, counts, errorCount]).toEqual([6, { sys_enter_mmap: 3, sys_exit_mmap: 3 }, 0]);
  });

  it.each([
    [
      'a task with a space',
      ' CPU 0/KVM  4242 [002]    12.679150:    kvm:kvm_entry: vcpu 1, rip 0x10',
    ],
    [
      'process and thread',
      ' CPU 0/KVM  4200/4242 [002]    12.679150:    kvm:kvm_entry: vcpu 1, rip 0x10',
    ],
    ['nanoseconds', ' CPU 0/KVM  4242 [002] 12.679150000:   kvm:kvm_entry:  vcpu 1 rip 0x10'],
    ['flags', ' CPU 0/KVM  4242 [002] d..1.    12.679150:    kvm:kvm_entry: vcpu 1, rip 0x10'],
  ])('has columns that vary: %s', (_, line) => {
    const { events, summary } = parseLines(line);
    expect(events).toEqual([
      {
        line: 1,
        task: 'CPU 0/KVM',
        pid: 4242,
        cpu: 2,
        time: 12_679_150,
        body: { event: 'kvm_entry', vcpu_id: 1, rip: 0x10 },
      },
    ]);
    expect(summary.format).toBe('perf script');
  });

  it('may have call chains below its events', () => {
    const { events, summary } = parseLines(
      ' vcpu0  42 [000]    1.000000:    kvm:kvm_entry: vcpu 0, rip 0x10',
      '\tffffffffc0a1b2c3 vcpu_enter_guest+0x123 ([kvm])',
      '\t    7f1234567890 __GI___ioctl+0x3b (/usr/lib/libc.so.6)',
      '',
      ' vcpu0  42 [000]    1.000001:    kvm:kvm_exit: reason npf rip 0x10 info 6 0',
    );
    expect([events.length, summary.errorCount]).toEqual([2, 0]);
  });
});

describe('pointers that the kernel does not show', () => {
  it.each(['(____ptrval____)', '(null)'])('are read as 0: %s', (pointer) => {
    const line = `  vcpu0-1 [000] ..... 1.000000: mark_mmio_spte: sptep:${pointer} gfn d0000 access 7 gen 4`;
    expect(parseLines(line).events[0]?.body).toMatchObject({ sptep: 0, gfn: 0xd0000 });
  });
});
