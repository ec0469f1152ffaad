// What the kernel says beside the events:
//
//   # entries-in-buffer/entries-written: 28482/30000   #P:3      head of `trace`: the oldest events were overwritten
//   CPU:1 [LOST 460 EVENTS]                                      `trace_pipe`: the reader was too slow; a number may lack
//   CPU:7 [204600 EVENTS DROPPED]                                `trace-cmd report` says the same so
//   cpus=4, version = 7, CPU 3 is empty                          the head of `trace-cmd report`
//   ##### CPU 2 buffer started ####                              and other comments, which say nothing that is kept
//    => do_syscall_64                                            options/stacktrace

import { decodeText } from './byte-interner.ts';
import type { LineCursor } from './line-cursor.ts';

export class BufferNotes {
  entriesInBuffer: number | undefined = undefined;
  entriesWritten: number | undefined = undefined;
  /** Processors of the machine, as its header says. */
  processors: number | undefined = undefined;
  /** The head is that of `trace-cmd report`. */
  isTraceCmdReport = false;
  /** Sum of the LOST lines that have a number. */
  lost = 0;
  /** LOST lines that have none. */
  lostWithoutNumber = 0;

  /** Says whether the line is one of these; if so, it has been noted. */
  read(line: LineCursor): boolean {
    const first = line.bytes[line.at];
    if (first === 0x23) this.#readComment(line);
    else if (first === 0x43) return this.#readLost(line) || this.#readReportHead(line);
    else if (first === 0x63 || first === 0x76) return this.#readReportHead(line);
    // perf's call chains begin with a tab.
    else return line.at === line.end || first === 0x09 || (first === 0x20 && isStackEntry(line));
    return true;
  }

  #readComment(line: LineCursor): void {
    if (!line.accept('# entries-in-buffer/entries-written: ')) return;
    const inBuffer = line.decimal();
    line.text('/');
    const written = line.decimal();
    line.skipSpaces();
    line.text('#P:');
    const processors = line.decimal();
    if (line.expected !== undefined) return;
    this.entriesInBuffer = inBuffer;
    this.entriesWritten = written;
    this.processors = processors;
  }

  #readLost(line: LineCursor): boolean {
    const match = /^CPU:\d+ \[(?:LOST (\d+ )?EVENTS|(\d+ )?EVENTS DROPPED)\]$/.exec(
      beginning(line),
    );
    if (match === null) return false;
    const number = match[1] ?? match[2];
    if (number === undefined) this.lostWithoutNumber++;
    else this.lost += Number(number);
    return true;
  }

  #readReportHead(line: LineCursor): boolean {
    const match = /^(?:cpus=(\d+)|version = \d+|CPU \d+ is empty)$/.exec(beginning(line));
    if (match === null) return false;
    this.isTraceCmdReport = true;
    if (match[1] !== undefined) this.processors = Number(match[1]);
    return true;
  }
}

const beginning = ({ bytes, at, end }: LineCursor): string =>
  decodeText(bytes, at, Math.min(end, at + 80));

function isStackEntry(line: LineCursor): boolean {
  const from = line.at;
  const isOne = line.accept(' => ');
  line.moveTo(from);
  return isOne;
}
