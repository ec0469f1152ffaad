// Which record is decoded how: by a plan of its own, or by way of the text that its format gives, which the decoders of text
// then read. So whatever can be read from text can be read from a trace.dat.
import { FOREIGN } from '../decode.ts';
import { decoders } from '../decoders.ts';
import { LineCursor } from '../line-cursor.ts';
import type { EventFormat } from './event-format.ts';
import { mmuPlans } from './plan-mmu.ts';
import { shadowPlans } from './plan-shadow.ts';
import { vcpuPlans } from './plan-vcpu.ts';
import { EventPrinter } from './print-event.ts';
import type { EventRecord } from './record.ts';
import { type DecodeRecord, PlanMismatch, PlannedFields, type RecordPlans } from './record-plan.ts';

const plans: ReadonlyMap<string, RecordPlans[string]> = new Map(
  [vcpuPlans, mmuPlans, shadowPlans].flatMap((table) => Object.entries(table)),
);

const SPACE = 0x20;
const TRACING_MARK = 'tracing_mark_write';

/** ftrace's own event for what was written to `trace_marker`; its text names the function that wrote it. */
export const eventName = (format: EventFormat): string =>
  format.name === 'print' ? TRACING_MARK : format.name;

/** Undefined for an event that nobody here knows. */
export function recordDecoder(format: EventFormat): DecodeRecord | undefined {
  return planned(format) ?? throughText(format);
}

/** By the event's own plan, if it has one and the format fits it. */
export function planned(format: EventFormat): DecodeRecord | undefined {
  const plan = plans.get(format.name);
  if (plan === undefined) return undefined;
  try {
    const fields = new PlannedFields(format);
    const decode = plan(fields);
    const { needed } = fields;
    return (record) => (record.length < needed ? undefined : decode(record));
  } catch (error) {
    if (error instanceof PlanMismatch) return undefined;
    throw error;
  }
}

/** By the kernel's text, if there are decoders for it and the format can be printed. */
export function throughText(format: EventFormat): DecodeRecord | undefined {
  const decode = decoders.get(eventName(format));
  const print = format.name === 'print' ? markPrinter(format) : bodyPrinter(format);
  if (decode === undefined || print === undefined) return undefined;
  const line = new LineCursor();
  const encoder = new TextEncoder();
  return (record) => {
    const text = print(record);
    if (text === undefined) return undefined;
    const bytes = encoder.encode(`${text}\n`);
    line.aim(bytes, 0, bytes.length - 1);
    const body = decode(line);
    if (line.expected !== undefined) return undefined;
    // A newer kernel's format may have more columns, as its text may.
    const isRead = line.at === line.end || bytes[line.at] === SPACE;
    return body === FOREIGN || isRead ? body : undefined;
  };
}

function bodyPrinter(
  format: EventFormat,
): ((record: EventRecord) => string | undefined) | undefined {
  const printer = EventPrinter.of(format);
  return printer && ((record) => printer.print(record));
}

/** The text itself: what stands before it in the kernel's print is the name. */
function markPrinter(format: EventFormat): ((record: EventRecord) => string) | undefined {
  const text = format.fields.get('buf');
  return text && ((record) => record.string(text).replace(/\n+$/, ''));
}
