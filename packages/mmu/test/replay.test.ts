// What a checker needs of this room: run again over the log of what its operations found, each entry point does and says
// and answers the same.
import { answer, drive, record, type SharedEvent } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { ENTRIES, type Entry, prepare } from './entries.ts';

function recorded(entry: Entry) {
  const { mem, run } = prepare(entry);
  const events: SharedEvent[] = [];
  mem.emit = (event) => events.push(event);
  return { ...record(run, mem), run, events, thread: mem.thread };
}

describe.each(ENTRIES)('$name', (entry) => {
  it('does, answers and says the same when run again over its log', () => {
    const { run, log, result, events, thread } = recorded(entry);
    const again: SharedEvent[] = [];
    const replay = answer(run, log, { thread, emit: (event) => again.push(event) });
    expect([replay, again]).toEqual([{ state: 'ended', result }, events]);
  });

  it('stops, after any part of its log, at the operation that the log has next', () => {
    const { run, log, thread } = recorded(entry);
    const next = log.map((_, length) => {
      const stopped = answer(run, log.slice(0, length), { thread, emit: () => {} });
      return stopped.state === 'pending' ? stopped.operation : stopped.state;
    });
    expect(next).toEqual(log.map(({ operation }) => operation));
  });

  it('answers the same when driven one operation at a time', () => {
    const direct = prepare(entry);
    const driven = prepare(entry);
    expect(drive(driven.run, driven.mem)).toEqual(direct.run(direct.mem));
  });
});
