// The columns before an event, as far as trace options let them differ:
//
//            TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
//           vcpu0-177     [002] d..1.     7.986936: kvm_entry: ...        as a rule
//           vcpu0-177     [002]     7.986936: kvm_entry: ...              options/irq-info off
//           vcpu0-253     (    253) [001] d..1.     7.986936: ...         options/record-tgid on
//           vcpu0-285     [000] d..1.  91453450246: kvm_entry: ...        a clock that counts ticks
//      CPU 0/KVM-4242     [002] d..1.     7.986936: ...                   a task name may hold nearly anything
//           vcpu0-177     [002]     7.986936123: kvm_entry:    ...        trace-cmd report, here with nanoseconds
//       CPU 0/KVM  4242 [002]     7.986936:            kvm:kvm_entry: ... perf script; 4200/4242 with -F +pid
//   CPU 0/KV-4242     2d..1.    7.986936: kvm_entry:    ...               trace-cmd report -l: the CPU joined to the flags
//
// The name is what makes this hard: it may hold spaces, dashes and brackets. So the columns are found from the first
// `[digits]` with a `-pid`, or for perf a `pid`, before it and a time after it; where there is none, by trace-cmd's own widths.
import { ByteInterner, decodeText } from './byte-interner.ts';
import { isDigit, type LineCursor } from './line-cursor.ts';
import { RecentTexts } from './recent-texts.ts';
import type { TraceHeader } from './trace-event.ts';

const SPACE = 0x20;
const DASH = 0x2d;
const SLASH = 0x2f;
const OPEN_BRACKET = 0x5b;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;

/** A task name has 15 bytes, a TGID column 10: a bracket beyond this is not the CPU's. */
const HEADER_BYTES = 64;
/** As trace-cmd's latency format cuts or pads it. */
const LATENCY_NAME_BYTES = 8;
/** Distinct task names that are decoded once. */
const KNOWN_TASKS = 1024;
/** Task and pid, as ftrace aligns them. */
const PREFIX_KEY_BYTES = 24;
const MICROSECOND_DIGITS = 6;
/** Linux is built for 8,192 processors at most. */
const MAX_CPUS = 8192;
/** A clock is a 64-bit number. */
const MAX_TIME = 2 ** 64;

export type Clock = 'microseconds' | 'ticks';
/** What stands between a task and its pid: a dash for ftrace and trace-cmd, a space for perf. */
export type HeaderStyle = 'dash' | 'perf';

const COLUMNS: Readonly<Record<HeaderStyle, string>> = {
  dash: 'TASK-PID [CPU] FLAGS TIME: EVENT',
  perf: 'TASK PID [CPU] TIME: EVENT',
};

/** What the columns up to the CPU say. */
interface Prefix {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  readonly style: HeaderStyle;
}

export class HeaderReader {
  /** The header read last; the next read writes over it. */
  readonly head: { -readonly [Field in keyof TraceHeader]: TraceHeader[Field] } = {
    line: 0,
    task: '',
    pid: 0,
    cpu: 0,
    time: 0,
  };
  /** How times are counted, since the first header. */
  clock: Clock | undefined = undefined;
  /** As the first header had it. */
  style: HeaderStyle | undefined = undefined;
  readonly #tasks = new ByteInterner(KNOWN_TASKS, (task) => task);

  readonly #prefixes = new RecentTexts<Prefix>(PREFIX_KEY_BYTES);

  /** Reads the columns and the `: ` after the time. If it says false, the cursor failed where it stood. */
  read(line: LineCursor): boolean {
    return this.#readKnownPrefix(line) || this.#readColumns(line);
  }

  /** Threads stay on their CPU for many events, so a line mostly begins like one of the last. */
  #readKnownPrefix(line: LineCursor): boolean {
    const { at: from } = line;
    const known = this.#prefixes.find(line, from);
    if (known === undefined) return false;
    const { task, pid, cpu, style } = known.value;
    if (!this.#readTime(line, from + known.text.length, style)) {
      line.moveTo(from);
      return false;
    }
    const { head } = this;
    head.task = task;
    head.pid = pid;
    head.cpu = cpu;
    return true;
  }

  #keepPrefix(line: LineCursor, from: number, to: number, style: HeaderStyle): void {
    const { task, pid, cpu } = this.head;
    this.#prefixes.keep(line, from, to, { task, pid, cpu, style });
  }

  #readColumns(line: LineCursor): boolean {
    const from = line.at;
    const limit = Math.min(line.end, from + HEADER_BYTES);
    for (let at = from; at < limit; at++) {
      if (line.bytes[at] !== OPEN_BRACKET) continue;
      const style = this.#readTask(line, from, at);
      if (style === undefined) continue;
      line.moveTo(at + 1);
      const cpu = line.decimal();
      line.text('] ');
      const end = line.at;
      if (line.expected !== undefined || cpu >= MAX_CPUS) continue;
      if (!this.#readTime(line, end, style)) continue;
      this.head.cpu = cpu;
      this.#keepPrefix(line, from, end, style);
      return true;
    }
    if (this.#readLatencyColumns(line, from)) return true;
    line.moveTo(from);
    const columns = COLUMNS[this.style ?? 'dash'];
    line.fail(this.clock === undefined ? columns : `${columns}, the time in ${this.clock}`);
    return false;
  }

  /** trace-cmd report -l: eight bytes of the name, the pid, and the CPU with the flags right behind it. */
  #readLatencyColumns(line: LineCursor, from: number): boolean {
    const nameEnd = from + LATENCY_NAME_BYTES;
    if (nameEnd >= line.end || this.style === 'perf') return false;
    line.moveTo(nameEnd);
    line.text('-');
    const pid = line.decimal();
    line.text(' ');
    line.skipSpaces();
    const cpu = line.decimal();
    const { at: end, expected } = line;
    if (expected !== undefined || line.bytes[end] === SPACE || cpu >= MAX_CPUS) return false;
    if (!this.#readTime(line, end, 'dash')) return false;
    this.head.task = this.#taskName(line.bytes, from, nameEnd);
    this.head.pid = pid;
    this.head.cpu = cpu;
    this.#keepPrefix(line, from, end, 'dash');
    return true;
  }

  /** From behind the CPU on: perhaps flags, the time and its colon. */
  #readTime(line: LineCursor, at: number, style: HeaderStyle): boolean {
    line.moveTo(at);
    line.skipSpaces();
    // The flags begin with d, D, b or a dot, the time with a digit.
    if (!isDigit(line.bytes[line.at])) {
      line.skipWord();
      line.skipSpaces();
    }
    const whole = line.decimal();
    const clock = line.accept('.') ? 'microseconds' : 'ticks';
    const time = clock === 'ticks' ? whole : readMicroseconds(line, whole);
    line.text(': ');
    if (style === 'perf') line.skipSpaces();
    const isEmpty = line.at >= line.end || line.bytes[line.at] === SPACE;
    // Not `time >= MAX_TIME`: of hundreds of digits the quotient is NaN.
    if (line.expected !== undefined || isEmpty || !(time < MAX_TIME)) return false;
    this.clock ??= clock;
    this.style ??= style;
    this.head.time = time;
    return clock === this.clock;
  }

  /** Backwards from the CPU's bracket: perhaps `(TGID)`, then the pid, a dash or spaces, and all the rest is the name. */
  #readTask({ bytes }: LineCursor, from: number, bracket: number): HeaderStyle | undefined {
    let at = before(bytes, SPACE, from, bracket);
    if (bytes[at - 1] === CLOSE_PAREN) {
      while (at > from && bytes[at - 1] !== OPEN_PAREN) at--;
      at = before(bytes, SPACE, from, at - 1);
    }
    const pidEnd = at;
    while (at > from && isDigit(bytes[at - 1])) at--;
    const pidStart = at;
    if (bytes[at - 1] === SLASH) while (--at > from && isDigit(bytes[at - 1]));
    const style = bytes[at - 1] === DASH ? 'dash' : bytes[at - 1] === SPACE ? 'perf' : undefined;
    const isOther = this.style !== undefined && style !== this.style;
    if (pidStart === pidEnd || style === undefined || isOther) return undefined;
    let pid = 0;
    for (let digit = pidStart; digit < pidEnd; digit++) {
      pid = pid * 10 + (bytes[digit] as number) - 0x30;
    }
    this.head.pid = pid;
    const nameEnd = style === 'perf' ? before(bytes, SPACE, from, at - 1) : at - 1;
    this.head.task = this.#taskName(bytes, from, nameEnd);
    return style;
  }

  #taskName(bytes: Uint8Array, from: number, to: number): string {
    let start = from;
    while (bytes[start] === SPACE && start < to) start++;
    return this.#tasks.find(bytes, start, to) ?? decodeText(bytes, start, to);
  }
}

/** Whole ones for the six decimal places that ftrace prints; of nanoseconds rounded once, as those of a trace.dat are. */
function readMicroseconds(line: LineCursor, seconds: number): number {
  const from = line.at;
  const fraction = line.decimal();
  const digits = line.at - from;
  if (digits <= MICROSECOND_DIGITS) {
    return seconds * 1e6 + fraction * 10 ** (MICROSECOND_DIGITS - digits);
  }
  return (seconds * 10 ** digits + fraction) / 10 ** (digits - MICROSECOND_DIGITS);
}

/** The end of what precedes a run of `byte` that ends at `at`. */
function before(bytes: Uint8Array, byte: number, from: number, at: number): number {
  let end = at;
  while (end > from && bytes[end - 1] === byte) end--;
  return end;
}
