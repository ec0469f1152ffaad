// An event's format, as its kernel describes it in tracefs and trace-cmd puts it into every trace.dat:
//
//   name: kvm_exit
//   ID: 1793
//   format:
//   	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
//   	...
//   	field:u64 info1;	offset:32;	size:8;	signed:0;
//   	field:__data_loc char[] msg;	offset:8;	size:4;	signed:1;
//
//   print fmt: "vcpu %u ...", REC->vcpu_id, ...
//
// Offsets and sizes differ between kernels, and so do the numbers behind names.

export interface FormatField {
  readonly name: string;
  /** As declared, without the name: `unsigned long`, `__u8[15]`, `__data_loc char[]`. */
  readonly type: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes; 0 of an array that fills the rest of the record. */
  readonly size: number;
  readonly signed: boolean;
}

export interface EventFormat {
  readonly name: string;
  readonly id: number;
  readonly fields: ReadonlyMap<string, FormatField>;
  /** What follows `print fmt: `. */
  readonly printFmt: string;
}

const FIELD = /^\s*field:\s*(.+);\s*offset:\s*(\d+);\s*size:\s*(\d+);(?:\s*signed:\s*([01]);)?\s*$/;

/** The number that records carry; undefined where the text has none. */
export function formatId(text: string): number | undefined {
  const id = /^ID: (\d+)$/m.exec(text)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** Undefined where the text lacks a name, an id, or all fields. */
export function parseEventFormat(text: string): EventFormat | undefined {
  const name = /^name: (.+)$/m.exec(text)?.[1]?.trim();
  const id = formatId(text);
  const fields = parseFields(text);
  if (name === undefined || id === undefined || fields.size === 0) return undefined;
  const printFmt = /^print fmt: ([\s\S]*)$/m.exec(text)?.[1]?.trim() ?? '';
  return { name, id, fields, printFmt };
}

/** The fields of a format, or of the description of a page's head (`header_page`), by name. */
export function parseFields(text: string): Map<string, FormatField> {
  const fields = new Map<string, FormatField>();
  for (const line of text.split('\n')) {
    const match = FIELD.exec(line);
    if (match === null) continue;
    const [, declaration = '', offset, size, signed] = match;
    const field = { offset: Number(offset), size: Number(size), signed: signed === '1' };
    const { name, type } = parseDeclaration(declaration);
    if (name !== '') fields.set(name, { name, type, ...field });
  }
  return fields;
}

/** `__u8 insn[15]`, `u64 * sptep`, `__data_loc char[] msg`. */
function parseDeclaration(declaration: string): { name: string; type: string } {
  const match = /^(.*?)([A-Za-z_]\w*)\s*(\[[^\]]*\])?\s*$/.exec(declaration);
  if (match === null) return { name: '', type: declaration };
  const [, type = '', name = '', array = ''] = match;
  return { name, type: `${type.trim()}${array}` };
}
