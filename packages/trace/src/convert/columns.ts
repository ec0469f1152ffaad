// An event as a row: columns that many events have, and the rest of its fields as JSON in the last one.
import type { TraceEvent } from '../trace-event.ts';
import { type Plain, plainFields } from './plain-fields.ts';

export type ColumnType = 'DOUBLE' | 'INT32' | 'INT64' | 'STRING' | 'BOOLEAN';

export type ColumnName =
  | 'time'
  | 'cpu'
  | 'pid'
  | 'task'
  | 'event'
  | 'vcpu_id'
  | 'gfn'
  | 'address'
  | 'error_code'
  | 'level'
  | 'old_spte'
  | 'new_spte'
  | 'spte'
  | 'spurious'
  | 'fixed'
  | 'slot'
  | 'rest';

/** In the order of the columns. Times are the trace's; pages, and what has 64 bits, as everywhere in conversions. */
export const COLUMNS: Readonly<Record<ColumnName, ColumnType>> = {
  time: 'DOUBLE',
  cpu: 'INT32',
  pid: 'INT32',
  task: 'STRING',
  event: 'STRING',
  vcpu_id: 'INT32',
  gfn: 'INT64',
  address: 'STRING',
  error_code: 'INT64',
  level: 'INT32',
  old_spte: 'STRING',
  new_spte: 'STRING',
  spte: 'STRING',
  spurious: 'BOOLEAN',
  fixed: 'BOOLEAN',
  slot: 'INT32',
  rest: 'STRING',
};

export type Row = Readonly<Partial<Record<ColumnName, Plain>>>;

/** The one address that an event is about, under the name that its tracepoint has for it. */
const ADDRESS_NAMES = ['fault_address', 'cr2_or_gpa', 'addr', 'gpa', 'gva', 'hva'] as const;
const PAGE_SIZE = 4096;

export function rowOf({ time, cpu, pid, task, body }: TraceEvent): Row {
  const fields = plainFields(body);
  const row: Record<string, Plain> = { time, cpu, pid, task, event: body.event };
  for (const name of ADDRESS_NAMES) take(fields, name, row, 'address');
  for (const name of Object.keys(COLUMNS)) take(fields, name, row, name);
  if (body.event === 'fast_page_fault') row.gfn = Math.floor(body.cr2_or_gpa / PAGE_SIZE);
  if (Object.keys(fields).length > 0) row.rest = JSON.stringify(fields);
  return row;
}

/** Moves a field to its column, unless that is taken. */
function take(
  fields: Record<string, Plain>,
  name: string,
  row: Record<string, Plain>,
  column: string,
): void {
  if (!(name in fields) || column in row) return;
  row[column] = fields[name] as Plain;
  delete fields[name];
}
