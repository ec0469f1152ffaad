import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../test/parse-text.ts';
import { FtraceParser, type TraceEvent } from './index.ts';

const ENTRY = 'kvm_entry: vcpu 1, rip 0x10000';

describe('a time', () => {
  it.each([
    ['1.5', 1_500_000],
    ['1.123456', 1_123_456],
    ['1.123456789', 1_123_456.789],
  ])('of %s seconds is %d microseconds', (time, microseconds) => {
    const { events } = parseLines(`x-1 [000] ${time}: ${ENTRY}`);
    expect(events[0]?.time).toBe(microseconds);
  });

  it.each([
    ['with hundreds of decimals', `0.${'0'.repeat(400)}`],
    ['beyond a double', `${'9'.repeat(400)}.000000`],
    ['beyond 64 bits', `${'9'.repeat(21)}.000000`],
  ])('%s makes the line a damaged one', (_, time) => {
    const { events, summary } = parseLines(lineOf(ENTRY), `x-1 [000] ${time}: ${ENTRY}`);
    expect([events.length, summary.errorCount]).toEqual([1, 1]);
  });
});

describe('a body that looks like the columns of another line for a while', () => {
  it('is still an event of its own thread', () => {
    const [event] = parseLines(lineOf('kvm_entry:  vcpu 1, rip 0x10000 a-5 [003] x')).events;
    expect(event).toMatchObject({ task: 'vcpu0', pid: 177, cpu: 2 });
  });
});

describe('a line of perf script', () => {
  it('is refused where it has the columns of another text, and the reason says which are expected', () => {
    const perf = ` CPU 0/KVM  4242 [002]     7.986936:            kvm:${ENTRY}`;
    expect(parseLines(perf, lineOf(ENTRY)).summary.errors).toMatchObject([
      { line: 2, expected: 'TASK PID [CPU] TIME: EVENT, the time in microseconds' },
    ]);
  });
});

type Columns = Pick<TraceEvent, 'task' | 'pid' | 'cpu' | 'time'>;
interface Printed {
  readonly text: string;
  readonly columns: Columns & { readonly event: string; readonly code: number | undefined };
}

/** Names that hold what columns are told by, and names that are told apart by their last byte only. */
const TASKS = [
  ...['vcpu0', 'CPU 0/KVM', 'a-1 [002] b', 'x: y', '[kworker]', '<...>', '(sd-pam)', '12', '0 1 2'],
  ...['abcdefghijklmno', 'abcdefghijklmnp', 'q-1 [7] (x)', ') b', 'kvm:x', 'a]'],
];
const fastPageFault = (code: string): string =>
  `fast_page_fault: vcpu 0 gva 10000 error_code ${code} sptep 0x1 old 0x2 new 3 spurious 0 fixed 1`;
const BODIES: readonly (readonly [body: string, event: string, code?: number])[] = [
  [ENTRY, 'kvm_entry'],
  ['kvm_mmu_set_spte: gfn 1 spte 3 (rwx-) level 1 at 5', 'kvm_mmu_set_spte'],
  ['kvm_mmu_spte_requested: gfn 1 pfn 2 level 1', 'kvm_mmu_spte_requested'],
  ['sys_madvise(start: 1, len_in: 2, behavior: 4)', 'sys_enter_madvise'],
  ['sys_madvise -> 0x0', 'sys_exit_madvise'],
  [fastPageFault(''), 'fast_page_fault', 0],
  [fastPageFault('P'), 'fast_page_fault', 1],
  [fastPageFault('P|W'), 'fast_page_fault', 3],
  [fastPageFault('P|W|U'), 'fast_page_fault', 7],
  [fastPageFault('P|W|U|0x100000000'), 'fast_page_fault', 0x1_0000_0007],
];

const columns = fc.record({
  task: fc.constantFrom(...TASKS),
  pid: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4_194_304 })),
  cpu: fc.oneof(fc.nat(11), fc.nat(8191)),
  time: fc.nat(1e9),
});
const body = fc.constantFrom(...BODIES);
const seconds = (time: number): string => (time / 1e6).toFixed(6).padStart(13);

/** As the kernel prints them, with a TGID and flags or without; and as perf does. */
const ftraceLine = fc
  .tuple(columns, body, fc.constantFrom('', '(    253) '), fc.constantFrom('', 'd..1. '))
  .map(([{ task, pid, cpu, time }, [text, event, code], tgid, flags]): Printed => {
    const thread = `${task.padStart(16)}-${String(pid).padEnd(7)} ${tgid}`;
    return {
      text: `${thread}[${String(cpu).padStart(3, '0')}] ${flags}${seconds(time)}: ${text}`,
      columns: { task, pid, cpu, time, event, code },
    };
  });
const perfLine = fc
  .tuple(columns, body)
  .map(([{ task, pid, cpu, time }, [text, event, code]]): Printed => {
    const thread = `${task.padStart(16)} ${String(pid).padStart(7)}`;
    return {
      text: `${thread} [${String(cpu).padStart(3, '0')}] ${seconds(time)}: kvm:${text}`,
      columns: { task, pid, cpu, time, event, code },
    };
  });

const columnsOf = ({ task, pid, cpu, time, body }: TraceEvent): Printed['columns'] => ({
  ...{ task, pid, cpu, time, event: body.event },
  code: body.event === 'fast_page_fault' ? body.error_code : undefined,
});

/** In pieces of these lengths, again and again, all of which lie in one buffer, behind each other's leavings. */
function readInPieces(text: string, lengths: readonly number[]): TraceEvent[] {
  const events: TraceEvent[] = [];
  const parser = new FtraceParser((event) => events.push(event));
  const bytes = new TextEncoder().encode(text);
  const buffer = new Uint8Array(Math.max(...lengths));
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const piece = bytes.subarray(at, at + (lengths[n % lengths.length] as number));
    buffer.set(piece);
    parser.feed(buffer.subarray(0, piece.length));
    at += piece.length;
  }
  return events;
}

const pieces = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })),
  {
    minLength: 1,
    maxLength: 9,
  },
);
const lineEnd = fc.constantFrom('\n', '\r\n');

describe.each([
  ['ftrace', ftraceLine],
  ['perf', perfLine],
] as const)('lines of %s, in any order and any pieces', (_, line) => {
  const lines = fc.array(line, { minLength: 1, maxLength: 40 });

  it('say what was printed, whatever was seen before', () => {
    fc.assert(
      fc.property(lines, lineEnd, pieces, (printed, end, lengths) => {
        const text = printed.map((of) => of.text + end).join('');
        expect(readInPieces(text, lengths).map(columnsOf)).toEqual(printed.map((of) => of.columns));
      }),
    );
  });

  it('say, damaged, what a reader says who sees each of them first', () => {
    const damage = fc.tuple(
      fc.nat(120),
      fc.nat(3),
      fc.constantFrom('', ' ', '[', '1', '-', ': ', '|', '\r'),
    );
    fc.assert(
      fc.property(
        lines,
        fc.array(damage, { minLength: 1, maxLength: 9 }),
        pieces,
        (printed, damages, lengths) => {
          const [first = ''] = printed.map(({ text }) => text);
          const damaged = printed.map(({ text }, n) => {
            const [at, cut, put] = damages[n % damages.length] as (typeof damages)[number];
            return text.slice(0, at) + put + text.slice(at + cut);
          });
          const alone = damaged.flatMap((text) =>
            readInPieces(`${first}\n${text}\n`, [1 << 16]).slice(1),
          );
          const all = readInPieces([first, ...damaged, ''].join('\n'), lengths).slice(1);
          expect(all.map(columnsOf)).toEqual(alone.map(columnsOf));
        },
      ),
    );
  });
});

describe('a mark that begins with a space', () => {
  it('does not make the text one of trace-cmd', () => {
    const { summary } = parseLines(lineOf('tracing_mark_write:  hello'), lineOf(ENTRY));
    expect(summary.format).toBe('ftrace');
  });
});
