// The contract of a decoder for records. A plan is made once per format: it looks up where the fields lie, and refuses a
// format that lacks one; then the general way is taken, over the kernel's text (print-event.ts).
import type { FOREIGN } from '../decode.ts';
import type { TraceBody } from '../trace-event.ts';
import type { EventFormat, FormatField } from './event-format.ts';
import { EventPrinter } from './print-event.ts';
import type { EventRecord, NumberField } from './record.ts';

/** Undefined where the record is not what its format says. */
export type DecodeRecord = (record: EventRecord) => TraceBody | typeof FOREIGN | undefined;

export type RecordPlan = (fields: PlannedFields) => DecodeRecord;

/** By the event's name. */
export type RecordPlans = Readonly<{ [name: string]: RecordPlan }>;

/** A format lacks what a plan asks for. */
export class PlanMismatch extends Error {}

const NUMBER_SIZES: readonly number[] = [1, 2, 4, 8];
/** Distinct texts that are kept; there are as many exit reasons as some hundred. */
const KEPT_TEXTS = 4096;

export class PlannedFields {
  /** So many bytes a record must have for what was asked for. */
  needed = 0;
  readonly #format: EventFormat;
  #printer: EventPrinter | undefined = undefined;

  constructor(format: EventFormat) {
    this.#format = format;
  }

  /** A number of any size. */
  number(name: string): NumberField {
    const { offset, size, signed } = this.#field(name);
    const isAligned = offset % Math.min(size, 4) === 0;
    if (!NUMBER_SIZES.includes(size) || !isAligned) throw new PlanMismatch();
    this.needed = Math.max(this.needed, offset + size);
    return { offset, size, signed };
  }

  /** One of 64 bits, to be read as an address or as halves. */
  wide(name: string): NumberField {
    const field = this.number(name);
    if (field.size !== 8) throw new PlanMismatch();
    return field;
  }

  /** A text, or bytes. */
  array(name: string): FormatField {
    const field = this.#field(name);
    this.needed = Math.max(this.needed, field.offset + field.size);
    return field;
  }

  /**
   * What the kernel prints directly behind `literal`, as a text made from these fields alone: made once per their values,
   * which are at most 32 bits wide; there are at most two.
   */
  printed(
    literal: string,
    ...names: readonly string[]
  ): (record: EventRecord) => string | undefined {
    this.#printer ??= EventPrinter.of(this.#format);
    const print = this.#printer?.after(literal);
    if (print === undefined) throw new PlanMismatch();
    const [first, second = first] = names.map((name) => this.number(name));
    if (first === undefined || second === undefined || second.size > 4) throw new PlanMismatch();
    const known = new Map<number, string | undefined>();
    return (record) => {
      const key = record.number(second) * 2 ** 32 + record.number(first);
      const found = known.get(key);
      if (found !== undefined) return found;
      const text = print(record);
      if (known.size < KEPT_TEXTS) known.set(key, text);
      return text;
    };
  }

  #field(name: string): FormatField {
    const field = this.#format.fields.get(name);
    if (field === undefined) throw new PlanMismatch();
    return field;
  }
}
