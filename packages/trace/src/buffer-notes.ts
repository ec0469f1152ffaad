// What the kernel says beside the events:
//
//   # entries-in-buffer/entries-written: 28482/30000   #P:3      head of `trace`: the oldest events were overwritten
//   CPU:1 [LOST 460 EVENTS]                                      `trace_pipe`: the reader was too slow; a number may lack
//   ##### CPU 2 buffer started ####                              and other comments, which say nothing that is kept
//    => do_syscall_64                                            options/stacktrace

import { decodeText } from './byte-interner.ts';
import type { LineCursor } from './line-cursor.ts';

export class BufferNotes {
  entriesInBuffer: number | undefined = undefined;
  entriesWritten: number | undefined = undefined;
  /** Processors of the machine, as its header says. */
  processors: number | undefined = undefined;
  /** Sum of the LOST lines that have a number. */
  lost = 0;
  /** LOST lines that have none. */
  lostWithoutNumber = 0;

  /** Says whether the line is one of these; if so, it has been noted. */
  read(line: LineCursor): boolean {
    const first = line.bytes[line.at];
    if (first === 0x23) this.#readComment(line);
    else if (first === 0x43) return this.#readLost(line);
    else return line.at === line.end || (first === 0x20 && isStackEntry(line));
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
    const match = /^CPU:\d+ \[LOST (\d+ )?EVENTS\]$/.exec(
      decodeText(line.bytes, line.at, Math.min(line.end, line.at + 80)),
    );
    if (match === null) return false;
    if (match[1] === undefined) this.lostWithoutNumber++;
    else this.lost += Number(match[1]);
    return true;
  }
}

function isStackEntry(line: LineCursor): boolean {
  const from = line.at;
  const isOne = line.accept(' => ');
  line.moveTo(from);
  return isOne;
}
