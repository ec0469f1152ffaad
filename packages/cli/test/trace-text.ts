// Text of a small trace, as a kernel would have written it.

const line = (event: string): string =>
  `           vcpu0-177     [002] .....     8.652615: ${event}`;

const hex = (value: number): string => value.toString(16);

/** A write to a page by a vCPU. */
export const fault = (gfn: number, vcpu = 0): string =>
  line(
    `kvm_page_fault: vcpu ${vcpu} rip 0x10000 address 0x${hex(gfn * 4096).padStart(16, '0')} error_code 0x7`,
  );

export const fixed = (gfn: number): string =>
  line(
    `fast_page_fault: vcpu 0 gva ${hex(gfn * 4096)} error_code P|W|U sptep ffff888103476468 ` +
      'old 0x102db8e65 new 102db8e67 spurious 0 fixed 1',
  );

export const marker = (of: object): string => line(`tracing_mark_write: ${JSON.stringify(of)}`);

export const memslot = (slot: number, flags = 1): string =>
  marker({
    ev: 'memslot',
    at: 'end',
    op: 'create',
    slot,
    gpa: '0x100000',
    size: 65536,
    hva: '0x7f0000000000',
    flags,
    errno: 0,
  });

export const harvest = (slot: number): string =>
  marker({ ev: 'get_dirty_log', at: 'begin', slot, round: 0 });

/** `# entries-in-buffer/entries-written: 3/9   #P:2` */
export const counts = (inBuffer: number, written: number): string =>
  `# entries-in-buffer/entries-written: ${inBuffer}/${written}   #P:2`;

export const text = (...lines: string[]): string => `${lines.join('\n')}\n`;

/** A slot, some faults of two vCPUs, a harvest, the faults again. */
export const SOUND: readonly string[] = [
  memslot(1),
  ...[0x100, 0x101, 0x102].map((gfn) => fault(gfn)),
  fault(0x103, 1),
  harvest(1),
  ...[0x100, 0x101].flatMap((gfn) => [fault(gfn), fixed(gfn)]),
  fault(0x103, 1),
];
