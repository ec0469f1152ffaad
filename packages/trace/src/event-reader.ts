// One line with an event in, one typed event out, and everything counted that has to be told at the end.
import { type Decode, FOREIGN } from './decode.ts';
import { ErrorLog } from './error-log.ts';
import { EventTally, type NameCount } from './event-tally.ts';
import { HeaderReader } from './header-reader.ts';
import type { LineCursor } from './line-cursor.ts';
import { RecentTexts } from './recent-texts.ts';
import type { TraceEvent } from './trace-event.ts';
import { VcpuByThread } from './vcpu-by-thread.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const OPEN_PAREN = 0x28;

/** As far as the names of a trace mostly differ: kvm_mmu_set_spte, kvm_mmu_spte_requested. */
const NAME_KEY_BYTES = 12;

export class EventReader {
  readonly header: HeaderReader = new HeaderReader();
  readonly tally: EventTally = new EventTally();
  readonly errors: ErrorLog = new ErrorLog();
  readonly cpus: Set<number> = new Set();
  events = 0;
  decoded = 0;
  firstTime: number = Number.POSITIVE_INFINITY;
  lastTime: number = Number.NEGATIVE_INFINITY;

  /** Bodies are aligned, as by trace-cmd and perf. */
  padsNames = false;

  readonly #onEvent: (event: TraceEvent) => void;
  readonly #vcpus = new VcpuByThread();
  /** With the colon and the space behind it. */
  readonly #recent = new RecentTexts<NameCount>(NAME_KEY_BYTES);
  #lastCpu = -1;

  constructor(onEvent: (event: TraceEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Reads the line on whose first byte the cursor stands. Says whether it was an event, known or not. */
  read(line: LineCursor, lineNumber: number): boolean {
    const from = line.at;
    this.header.head.line = lineNumber;
    if (!this.header.read(line)) {
      this.#addError(line, from, line.expected);
      return false;
    }
    let name = this.#countName(line);
    while (this.#runsOn(line, name, from)) name = this.#countName(line);
    if (name.decode === undefined) name.unknown++;
    else this.#decode(line, name, name.decode, from);
    return true;
  }

  #countName(line: LineCursor): NameCount {
    const name = this.#recentName(line) ?? this.#readName(line);
    name.count++;
    this.#countPlace();
    return name;
  }

  #recentName(line: LineCursor): NameCount | undefined {
    const recent = this.#recent.find(line, line.at);
    if (recent !== undefined) line.at += recent.text.length - ': '.length;
    return recent?.value;
  }

  /** `name: body`, or `system:name: body`, but `sys_mmap(...)` and `sys_mmap -> 0x0` for system calls. */
  #readName(line: LineCursor): NameCount {
    const { bytes, at: start, end } = line;
    let from = start;
    let at = from;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte === SPACE || byte === OPEN_PAREN) break;
      if (byte !== COLON) continue;
      if (this.header.style !== 'perf' || bytes[at + 1] === SPACE) break;
      // perf says `kvm:kvm_entry`.
      from = at + 1;
    }
    line.at = at;
    const hasColon = bytes[at] === COLON;
    // What a system call has instead tells its beginning from its end.
    if (!hasColon && !line.accept('(')) line.accept(' -> ');
    const name = this.tally.of(bytes, from, line.at);
    if (hasColon && bytes[at + 1] === SPACE) this.#recent.keep(line, start, at + 2, name);
    return name;
  }

  /** ftrace's own text always says which vCPU it is. */
  get #needsVcpu(): boolean {
    return this.padsNames || this.header.style === 'perf';
  }

  #countPlace(): void {
    const { time, cpu } = this.header.head;
    this.events++;
    if (time < this.firstTime) this.firstTime = time;
    if (time > this.lastTime) this.lastTime = time;
    if (cpu !== this.#lastCpu) {
      this.#lastCpu = cpu;
      this.cpus.add(cpu);
    }
  }

  #decode(line: LineCursor, name: NameCount, decode: Decode, from: number): void {
    line.text(name.separator);
    const isPadded = line.bytes[line.at] === SPACE;
    if (isPadded) line.skipSpaces();
    const decodedBody = decode(line);
    // What somebody wrote to trace_marker may begin with a space in any text.
    if (isPadded && line.expected === undefined && decodedBody !== FOREIGN) this.padsNames = true;
    const body = this.#needsVcpu
      ? this.#vcpus.fill(decodedBody, this.header.head.pid)
      : decodedBody;
    if (line.expected === undefined && body === FOREIGN) {
      name.unknown++;
      return;
    }
    const hasMore = line.at !== line.end;
    if (hasMore && line.bytes[line.at] !== SPACE) line.fail('a space or the end of the line');
    if (line.expected !== undefined || body === FOREIGN) {
      name.damaged++;
      this.#addError(line, from, line.expected);
      return;
    }
    if (hasMore) name.unknownColumns++;
    this.decoded++;
    const { head } = this.header;
    this.#onEvent({
      line: head.line,
      task: head.task,
      pid: head.pid,
      cpu: head.cpu,
      time: head.time,
      body,
    });
  }

  /**
   * Whether the body is missing and the next event follows in the same line: 6.1 with `hash-ptr=0` loses a body together
   * with its line end. The damaged event is counted as an error; the cursor then stands behind the next header.
   */
  #runsOn(line: LineCursor, name: NameCount, from: number): boolean {
    const { at } = line;
    // Other texts have spaces there to align the bodies.
    if (line.bytes[at + 2] !== SPACE || this.padsNames) return false;
    const { head } = this.header;
    const own = { ...head };
    if (!line.accept(': ') || !this.header.read(line)) {
      // A body that looks like a header for a while has left its mark.
      Object.assign(head, own);
      line.moveTo(at);
      return false;
    }
    name.damaged++;
    this.#addError(line, from, `the body of ${name.name} and a line end before the next event`);
    return true;
  }

  #addError({ bytes, end: to }: LineCursor, from: number, expected = 'another text'): void {
    this.errors.add({ line: this.header.head.line, bytes, from, to }, expected);
  }
}
