// The markers of Faultline's capture program: one JSON object per line of `trace_marker`, `ev` says which. They tell what no
// tracepoint does: which ioctl began and ended, what a harvest found, where guest memory lies.
//
// `at` is 'begin' before the ioctl and 'end' after it, so the two bracket what the kernel did. A `?` marks a field that only
// some of them carry, most often results, which only 'end' has. 'hex' is a string such as 0x10000000: `Number()` reads it.

const SHAPES = {
  start: { workload: 'string', args: 'string', pid: 'number' },
  end: {},
  phase: { name: 'string' },
  vm: { op: 'string', vcpus: 'number?', guest_ram_mb: 'number?', guest_pt: 'string?' },
  vcpu: { vcpu: 'number', tid: 'number', root: 'hex' },
  alloc: { hva: 'hex', size: 'number', thp: 'number', map: 'string?' },
  memslot: {
    at: 'at',
    op: 'string',
    slot: 'number',
    gpa: 'hex',
    size: 'number',
    hva: 'hex',
    flags: 'number',
    errno: 'number?',
  },
  enable_cap: { cap: 'string', arg: 'number?', entries: 'number?', errno: 'number' },
  get_dirty_log: {
    at: 'at',
    slot: 'number',
    round: 'number',
    pages: 'number?',
    dirty: 'number?',
    errno: 'number?',
  },
  // words_hex: 64-bit words in order, 16 digits each; bit 0 of the first is base_gfn. Groups of 32 zero words are left out.
  dirty_bits: {
    slot: 'number',
    round: 'number',
    base_gfn: 'hex',
    first_page: 'number',
    words_hex: 'string',
  },
  // Clears the bits that the slot's last get_dirty_log found in this range of pages.
  clear_dirty_log: {
    at: 'at',
    slot: 'number',
    round: 'number',
    first_page: 'number',
    num_pages: 'number',
    errno: 'number?',
  },
  reset_dirty_rings: { at: 'at', why: 'string?', harvested: 'number?', reset: 'number?' },
  // slot_off: `slot:offset` pairs in hexadecimal, in ring order.
  ring_gfns: { vcpu: 'number', slot_off: 'string' },
  ring_full: { vcpu: 'number' },
  host: { act: 'string', hva: 'hex', len: 'number', rc: 'number', errno: 'number' },
  sysfs: { file: 'string', val: 'string' },
  ksm_stat: { shared: 'number', sharing: 'number', scans: 'number' },
  mmio_exit: { vcpu: 'number', gpa: 'hex', len: 'number', write: 'number', n: 'number' },
  vcpu_stats: {
    vcpu: 'number',
    calls: 'number',
    mmio: 'number',
    efault: 'number',
    ringfull: 'number',
  },
} as const;

interface Kinds {
  string: string;
  number: number;
  hex: `0x${string}`;
  at: 'begin' | 'end';
}
type Shapes = typeof SHAPES;
type Required<Shape> = {
  readonly [F in keyof Shape as Shape[F] extends keyof Kinds ? F : never]: Kinds[Shape[F] &
    keyof Kinds];
};
type Optional<Shape> = {
  readonly [F in keyof Shape as Shape[F] extends `${string}?`
    ? F
    : never]?: Shape[F] extends `${infer K extends keyof Kinds}?` ? Kinds[K] : never;
};

/** One of the documented markers, exactly as its JSON object. */
export type Marker = {
  [Ev in keyof Shapes]: { readonly ev: Ev } & Required<Shapes[Ev]> & Optional<Shapes[Ev]>;
}[keyof Shapes];

const shapes: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  Object.entries(SHAPES),
);

/** Whether this `ev` is one of the documented markers. */
export const isKnownMarker = (ev: string): ev is Marker['ev'] => shapes.has(ev);

const fits = (value: unknown, kind: string): boolean => {
  if (kind === 'hex') return typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value);
  if (kind === 'at') return value === 'begin' || value === 'end';
  return typeof value === kind;
};

/** The first field of a documented marker that is missing or of another type, as `slot: number`; undefined when sound. */
export function wrongField(marker: {
  readonly ev: string;
  readonly [field: string]: unknown;
}): string | undefined {
  for (const [field, kind] of Object.entries(shapes.get(marker.ev) ?? {})) {
    if (kind.endsWith('?') && !Object.hasOwn(marker, field)) continue;
    const wanted = kind.replace('?', '');
    if (!Object.hasOwn(marker, field) || !fits(marker[field], wanted)) return `${field}: ${wanted}`;
  }
  return undefined;
}
