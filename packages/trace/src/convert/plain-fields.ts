// An event's fields as JSON can hold them: what has 64 bits is a hexadecimal string, since a double would lose some.
import type { Halves } from '../halves.ts';
import type { TraceBody } from '../trace-event.ts';

export type Plain = string | number | boolean | null | object;

/** Fields that the reader holds as signed 64-bit numbers: see TraceBody. */
const ADDRESSES: ReadonlySet<string> = new Set([
  'addr',
  'arg',
  'cr2_or_gpa',
  'csbase',
  'end',
  'fault_address',
  'gpa',
  'guest_pgd',
  'gva',
  'hva',
  'mm',
  'nested_rip',
  'new_addr',
  'rip',
  'sptep',
  'start',
  'vmcb',
]);

/** All but the event's name. */
export function plainFields(body: TraceBody): Record<string, Plain> {
  const fields: Record<string, Plain> = {};
  for (const [name, value] of Object.entries(body)) {
    if (name !== 'event' && value !== undefined) fields[name] = plain(name, value);
  }
  return fields;
}

function plain(name: string, value: unknown): Plain {
  if (isHalves(value)) return hexOfHalves(value);
  if (Array.isArray(value)) return value.map((each) => plain(name, each));
  return typeof value === 'number' && ADDRESSES.has(name) ? hex(value) : (value as Plain);
}

const isHalves = (value: unknown): value is Halves =>
  typeof value === 'object' && value !== null && 'low' in value && 'high' in value;

function hexOfHalves({ low, high }: Halves): string {
  if (high === 0) return `0x${(low >>> 0).toString(16)}`;
  return `0x${(high >>> 0).toString(16)}${(low >>> 0).toString(16).padStart(8, '0')}`;
}

/** A negative one is of the kernel's half. */
const hex = (value: number): string =>
  value >= 0 ? `0x${value.toString(16)}` : `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
