import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf, parseLines, parseText } from '../test/parse-text.ts';
import { COUNTED_LINES, DECODED_LINES } from '../test/sample-lines.ts';
import { FtraceParser, TraceError, type TraceEvent, type TraceSummary } from './index.ts';

const ENTRY = 'kvm_entry: vcpu 1, rip 0x10000';
const headerOf = (columns: string) => {
  const { line, task, pid, cpu, time } = parseLines(`${columns} ${ENTRY}`).events[0] ?? {};
  return { line, task, pid, cpu, time };
};

function failureOf(text: string | Uint8Array): Error {
  try {
    const parser = new FtraceParser(() => {}, { file: 'some.txt' });
    parser.feed(text);
    parser.end();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('the columns before an event', () => {
  it.each([
    [
      'as a rule',
      '           vcpu1-369     [002] d..1.    72.506997:',
      'vcpu1',
      369,
      2,
      72_506_997,
    ],
    [
      'without flags',
      '           vcpu1-270     [012]     25.149679:',
      'vcpu1',
      270,
      12,
      25_149_679,
    ],
    [
      'with a TGID',
      '           vcpu1-255     (    253) [001] d..1.    21.309175:',
      'vcpu1',
      255,
      1,
      21_309_175,
    ],
    [
      'with an unknown TGID',
      '          <idle>-0       (-------) [000] dNh2.     1.000001:',
      '<idle>',
      0,
      0,
      1_000_001,
    ],
    [
      'with four flags',
      '           vcpu1-270   [000] d..1    25.149679:',
      'vcpu1',
      270,
      0,
      25_149_679,
    ],
    [
      'with ticks',
      '           vcpu1-285     [000] d..1.  91453450246:',
      'vcpu1',
      285,
      0,
      91_453_450_246,
    ],
    [
      'with nanoseconds',
      '           vcpu1-285     [000]    21.309175123:',
      'vcpu1',
      285,
      0,
      21_309_175.123,
    ],
    [
      'of a task with a space',
      '       CPU 0/KVM-4242    [003] d..1.     5.000000:',
      'CPU 0/KVM',
      4242,
      3,
      5e6,
    ],
    [
      'of a task with dashes',
      '  a-1-kworker-x-77      [003] .....     5.000000:',
      'a-1-kworker-x',
      77,
      3,
      5e6,
    ],
    [
      'of a task with brackets',
      '     q-1 [7] (x)-77      [003] .....     5.000000:',
      'q-1 [7] (x)',
      77,
      3,
      5e6,
    ],
    [
      'of a task without a name',
      '           <...>-77      [003] .....     5.000000:',
      '<...>',
      77,
      3,
      5e6,
    ],
  ])('%s', (_, columns, task, pid, cpu, time) => {
    expect(headerOf(columns)).toEqual({ line: 1, task, pid, cpu, time });
  });

  it('count time in microseconds, or in ticks where there is no decimal point', () => {
    expect(parseLines(`x-1 [000] 1.000000: ${ENTRY}`).summary.clock).toBe('microseconds');
    expect(parseLines(`x-1 [000] 1000000: ${ENTRY}`).summary.clock).toBe('ticks');
  });

  it('keep one clock through a file', () => {
    const { events, summary } = parseLines(
      `x-1 [000] 1.000000: ${ENTRY}`,
      `x-1 [000] 17: ${ENTRY}`,
    );
    expect(events.length).toBe(1);
    expect(summary.errors).toMatchObject([
      { line: 2, expected: 'TASK-PID [CPU] FLAGS TIME: EVENT, the time in microseconds' },
    ]);
  });
});

describe('what the kernel says beside the events', () => {
  const HEAD = ['# tracer: nop', '#', '# entries-in-buffer/entries-written: 3/10   #P:4', '#'];

  it('tells how many events were overwritten, and how many the text lacks', () => {
    const { summary } = parseLines(...HEAD, lineOf(ENTRY), lineOf(ENTRY));
    expect(summary).toMatchObject({ entriesInBuffer: 3, entriesWritten: 10, cpus: 4, lines: 6 });
    expect(summary.lost).toEqual({
      overwritten: 7,
      reported: 0,
      dropped: 0,
      unnumbered: 0,
      missing: 1,
    });
  });

  it('tells how many were lost on the way through trace_pipe', () => {
    const lost = ['CPU:1 [LOST 460 EVENTS]', 'CPU:0 [LOST 75 EVENTS]', 'CPU:0 [LOST EVENTS]'];
    const { summary } = parseLines(lineOf(ENTRY), ...lost, lineOf(ENTRY));
    expect(summary.lost).toEqual({
      overwritten: 0,
      reported: 535,
      dropped: 0,
      unnumbered: 1,
      missing: 0,
    });
    expect(summary).toMatchObject({ errorCount: 0, cpus: 1, entriesInBuffer: undefined });
  });

  it('is no error: comments, empty lines, stack traces', () => {
    const stack = [lineOf('<stack trace>'), ' => kvm_mmu_page_fault', ' => 0xffffffffc0a1b2c3'];
    const { summary } = parseLines('##### CPU 2 buffer started ####', '', ...stack, lineOf(ENTRY));
    expect(summary.errors).toEqual([]);
  });
});

describe('a damaged line', () => {
  it('costs itself only', () => {
    const { events, summary } = parseLines(lineOf(ENTRY), 'what is this', lineOf(ENTRY));
    expect(events.map(({ line }) => line)).toEqual([1, 3]);
    expect(summary.errors).toMatchObject([
      {
        line: 2,
        text: 'what is this',
        expected: 'TASK-PID [CPU] FLAGS TIME: EVENT, the time in microseconds',
      },
    ]);
  });

  it('is counted always, and kept ten times', () => {
    const { summary } = parseLines(lineOf(ENTRY), ...Array<string>(25).fill('bad'));
    expect([summary.errorCount, summary.errors.length]).toEqual([25, 10]);
  });

  it('is safe to print', () => {
    const { summary } = parseLines(lineOf(ENTRY), `\u001b[31m${'x'.repeat(1000)}`);
    expect(summary.errors[0]?.text).toBe(`\u00b7[31m${'x'.repeat(235)}...`);
  });

  it('may be longer than any line of a trace', () => {
    const { events, summary } = parseLines(lineOf(ENTRY), 'x'.repeat(200_000), lineOf(ENTRY));
    expect(events.map(({ line }) => line)).toEqual([1, 3]);
    expect(summary.errors).toMatchObject([{ line: 2, expected: 'a line of at most 65536 bytes' }]);
  });
});

describe('text of 6.1 with hash-ptr=0, which loses bodies together with their line ends', () => {
  const text = [
    '           vcpu0-367     [001] ...1.    96.639746: kvm_mmu_get_page:            vcpu0-367     [001] d..1.    96.639822: kvm_entry: vcpu 0, rip 0x10000',
    '           vcpu0-367     [001] .....    96.639910: kvm_exit: vcpu 0 reason  rip 0x10000 info1 0x0000000200000006 info2 0x0000000000100000 intr_info 0x00000000 error_code 0x00000000',
    '           vcpu0-367     [001] ...1.    96.639999: kvm_mmu_get_page:            vcpu1-368     [002] ...1.    96.640000: kvm_mmu_get_page:            vcpu0-367     [001] ...1.    96.640017: kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 0 new_spte 102cbf827',
    '           vcpu0-367     [001] ...1.    96.640062: kvm_mmu_set_spte: gfn 100 spte 11737de67 (wxu) level 1 at 102cbd800',
    '           vcpu0-367     [000] .....    97.783599: fast_page_fault: vcpu 0 gva 1034ca70 error_code  sptep ffff888102cbba60 old 0x1176b1e65 new 1176b1e67 spurious 0 fixed 1',
  ];

  it('still gives every event that has its body', () => {
    const events = parseLines(...text).events.map(({ line, time, body }) => [
      line,
      time,
      body.event,
    ]);
    expect(events).toEqual([
      [1, 96_639_822, 'kvm_entry'],
      [3, 96_640_017, 'kvm_tdp_mmu_spte_changed'],
      [4, 96_640_062, 'kvm_mmu_set_spte'],
      [5, 97_783_599, 'fast_page_fault'],
    ]);
  });

  it('counts every loss with its line', () => {
    const { events, errors } = parseLines(...text).summary;
    expect(events).toBe(8);
    expect(errors.map(({ line, expected }) => [line, expected])).toEqual([
      [1, 'the body of kvm_mmu_get_page and a line end before the next event'],
      [2, 'the name of an exit reason'],
      [3, 'the body of kvm_mmu_get_page and a line end before the next event'],
      [3, 'the body of kvm_mmu_get_page and a line end before the next event'],
    ]);
  });
});

describe('a last line without its line end', () => {
  it('is not delivered, because it may be cut inside a number, and the summary says so', () => {
    const { events, summary } = parseText(`${lineOf(ENTRY)}\n${lineOf(ENTRY)}`);
    expect(events.length).toBe(1);
    expect(summary.truncated).toBe(true);
  });
});

describe('the summary', () => {
  it('has the earliest and the latest time, wherever they stand', () => {
    const at = (time: string) => `x-1 [000] ${time}: ${ENTRY}`;
    const { summary } = parseLines(at('2.000000'), at('1.500000'), at('3.000000'), at('2.500000'));
    expect([summary.firstTime, summary.lastTime]).toEqual([1_500_000, 3_000_000]);
  });

  it('counts a name that only an object would mind', () => {
    const { summary } = parseLines(lineOf('__proto__: x'), lineOf('constructor: x'));
    expect(Object.entries(summary.counts)).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
    ]);
  });

  it('stays bounded when every event has another name', () => {
    const lines = Array.from({ length: 5000 }, (_, i) => lineOf(`f${i}: x`));
    const { counts } = parseLines(...lines).summary;
    expect(Object.keys(counts).length).toBe(4097);
    expect(counts['(other names)']).toBe(904);
  });
});

describe('a buffer that its owner fills anew for each piece', () => {
  it('is only lent: what was read from it does not change with it', () => {
    const names: string[] = [];
    const parser = new FtraceParser(({ task, body }) => names.push(`${task} ${body.event}`));
    const lines = [
      '  vcpu0-1 [000] 1.000000: kvm_entry: vcpu 0',
      '  ksmdx-2 [001] 1.000001: ksm_exit: mm ff',
    ];
    const buffer = Buffer.alloc(64);
    for (const line of [...lines, ...lines, ...lines]) {
      const length = buffer.write(`${line}\n`);
      parser.feed(buffer.subarray(0, length));
    }
    expect(names).toEqual(Array(3).fill(['vcpu0 kvm_entry', 'ksmdx ksm_exit']).flat());
  });
});

describe('lines that end in CR LF', () => {
  it('are read alike', () => {
    const { events, summary } = parseText(`${DECODED_LINES.join('\r\n')}\r\n`);
    expect([events.length, summary.errorCount]).toEqual([DECODED_LINES.length, 0]);
  });
});

describe('input that is no trace', () => {
  it.each([
    ['nothing', '', 'some.txt: expected text of ftrace, got an empty file'],
    [
      'JSON',
      '{"a":1}\n',
      'some.txt:1: expected TASK-PID [CPU] FLAGS TIME: EVENT, got JSON: {"a":1}',
    ],
    [
      'other text',
      '\nDear all,\n',
      'some.txt:2: expected TASK-PID [CPU] FLAGS TIME: EVENT, got "Dear all,"',
    ],
    [
      'half a line',
      '  vcpu0-1 [000',
      'some.txt: expected text of ftrace, got an end before the first event',
    ],
    [
      'comments only',
      '# tracer: nop\n#\n',
      'some.txt: expected events, got comments only; usual cause: tracing was off, or trace_pipe had taken the events',
    ],
    [
      'a binary trace',
      '\u0017\bDtracing7',
      'some.txt: expected text of ftrace, got a binary trace.dat, which readTrace reads',
    ],
  ])('is an error: %s', (_, text, message) => {
    expect(failureOf(text).message).toBe(message);
    expect(failureOf(text)).toBeInstanceOf(TraceError);
  });

  it('is an error: gzip data', () => {
    expect(failureOf(Uint8Array.of(0x1f, 0x8b, 8, 0)).message).toContain('decompress it first');
  });

  it('names file and line for programs too', () => {
    expect(failureOf('\nhello\n')).toMatchObject({ file: 'some.txt', line: 2 });
  });

  it('never throws anything but a TraceError, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 400 });
    const pieces = fc
      .constantFrom(...DECODED_LINES, ...COUNTED_LINES)
      .map((line) => Buffer.from(line));
    const noise = fc.array(fc.oneof(bytes, pieces, fc.constant(Buffer.from('\n'))), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(noise, (chunks) => {
        try {
          const parser = new FtraceParser(() => {});
          for (const chunk of chunks) parser.feed(chunk);
          parser.end();
        } catch (error) {
          expect(error).toBeInstanceOf(TraceError);
        }
      }),
    );
  });

  it('passes on what the listener throws', () => {
    const parser = new FtraceParser(() => {
      throw new RangeError('enough');
    });
    expect(() => parser.feed(`${lineOf(ENTRY)}\n`)).toThrow(RangeError);
  });
});

describe('the same bytes in other pieces', () => {
  const text = [...DECODED_LINES, 'bad', ...COUNTED_LINES, 'CPU:1 [LOST 7 EVENTS]', ''].join('\n');
  const bytes = new TextEncoder().encode(`# \u00fcber\n${text}cut`);

  const parse = (cuts: readonly number[]): { events: TraceEvent[]; summary: TraceSummary } => {
    const events: TraceEvent[] = [];
    const parser = new FtraceParser((event) => events.push(event));
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      parser.feed(bytes.slice(from, to));
      from = to;
    }
    return { events, summary: parser.end() };
  };

  it('give the same events and the same summary', () => {
    const whole = parse([]);
    const cuts = fc
      .array(fc.nat(bytes.length), { maxLength: 60 })
      .map((places) => places.sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (places) => {
        expect(parse(places)).toEqual(whole);
      }),
    );
  });

  it('even byte by byte', () => {
    expect(parse([...bytes.keys()])).toEqual(parse([]));
  });

  it('even as strings', () => {
    const events: TraceEvent[] = [];
    const parser = new FtraceParser((event) => events.push(event));
    for (const piece of text.match(/[\s\S]{1,1000}/g) ?? []) parser.feed(piece);
    expect(events.length).toBe(DECODED_LINES.length);
    expect(parser.end().truncated).toBe(false);
  });
});
