// A guest of 400 bytes, as a Multiboot kernel that QEMU starts in protected mode: it fills its memory, then wakes at each tick of a
// timer of 1 kHz and writes as many pages as are due since the tick before, by a clock of fixed frequency (the ACPI power management
// timer of QEMU's `pc`). How much it writes does so not depend on how fast the machine is.

export interface GuestOptions {
  /** `random`: any of the pages; `sweep`: one after the other. */
  readonly pattern: 'random' | 'sweep';
  /** Bytes of the guest, and of its part that is written. */
  readonly memory: number;
  readonly written: number;
  readonly pagesPerSecond: number;
  /** What is due is forgotten, not made up for, when a tick is late: a throttled guest writes less. */
  readonly forgetful?: boolean;
}

const PAGE = 4096;
/** Where it is loaded; its written pages begin a MiB later. */
const BASE = 0x10_0000;
const FIRST = 0x20_0000;
const PM_TIMER_HZ = 3_579_545;
/** A tick and a half. */
const FORGETFUL_LIMIT = Math.round(PM_TIMER_HZ * 0.0015);
const PM_TIMER_MASK = 0xff_ffff;

const MULTIBOOT_MAGIC = 0x1bad_b002;
/** The header says where to load what, as this is no ELF file. */
const MULTIBOOT_ADDRESSES = 0x1_0000;

const HEADER_AT = 0x00;
const GDT_AT = 0x20;
const GDTR_AT = 0x38;
const IDTR_AT = 0x3e;
const IDT_AT = 0x48;
const PARAMETERS_AT = 0x90;
const TICK_AT = 0xb8;
const CODE_AT = 0xc0;

/** Vector 8: the firmware leaves the timer there. */
const TIMER_GATE = IDT_AT + 8 * 8;

/** The timer has ticked: said to the interrupt controller, and that is all. */
const TICK = '50 b0 20 e6 20 58 cf'; // push eax; mov al, 0x20; out 0x20, al; pop eax; iret

/** Addresses of data are BASE + the offsets above. */
const CODE = `
  fa                      ; cli
  0f 01 15 38 00 10 00    ; lgdt [GDTR_AT]
  0f 01 1d 3e 00 10 00    ; lidt [IDTR_AT]
  ea d6 00 10 00 08 00    ; jmp 8:flat
  b8 10 00 00 00          ; flat: mov eax, 0x10
  8e d8                   ; mov ds, eax
  8e c0                   ; mov es, eax
  8e d0                   ; mov ss, eax
  bc 00 00 09 00          ; mov esp, 0x90000
  8b 3d 90 00 10 00       ; mov edi, [first]
  89 3f                   ; fill: mov [edi], edi          no page is zero
  81 c7 00 10 00 00       ; add edi, 4096
  3b 3d a4 00 10 00       ; cmp edi, [end]
  72 f0                   ; jb fill
  b0 34 e6 43             ; mov al, 0x34; out 0x43, al    the timer's channel 0,
  b0 a9 e6 40             ; mov al, 0xa9; out 0x40, al    1193 of its clocks: 1 kHz
  b0 04 e6 40             ; mov al, 0x04; out 0x40, al
  b0 fe e6 21             ; mov al, 0xfe; out 0x21, al    no interrupt but the timer's
  b0 ff e6 a1             ; mov al, 0xff; out 0xa1, al
  31 db                   ; xor ebx, ebx
  fb                      ; sti
  f4                      ; tick: hlt
  ba 08 06 00 00          ; mov edx, 0x608
  ed                      ; in eax, dx                    the power management timer
  89 c1                   ; mov ecx, eax
  87 0d b0 00 10 00       ; xchg [last], ecx
  29 c8                   ; sub eax, ecx
  25 ff ff ff 00          ; and eax, 0xffffff
  3b 05 a0 00 10 00       ; cmp eax, [limit]
  76 05                   ; jbe due
  a1 a0 00 10 00          ; mov eax, [limit]
  f7 25 98 00 10 00       ; due: mul dword [rate]
  03 05 ac 00 10 00       ; add eax, [rest]
  83 d2 00                ; adc edx, 0
  f7 35 a8 00 10 00       ; div dword [frequency]
  89 15 ac 00 10 00       ; mov [rest], edx
  89 c1                   ; mov ecx, eax
  e3 be                   ; jecxz tick
  83 3d 9c 00 10 00 00    ; write: cmp dword [isSweep], 0
  74 0f                   ; je random
  43                      ; inc ebx
  3b 1d 94 00 10 00       ; cmp ebx, [pages]
  72 02                   ; jb next
  31 db                   ; xor ebx, ebx
  89 da                   ; next: mov edx, ebx
  eb 14                   ; jmp store
  69 db 0d 66 19 00       ; random: imul ebx, ebx, 1664525
  81 c3 5f f3 6e 3c       ; add ebx, 1013904223
  89 d8                   ; mov eax, ebx
  f7 25 94 00 10 00       ; mul dword [pages]
  c1 e2 0c                ; store: shl edx, 12
  03 15 90 00 10 00       ; add edx, [first]
  ff 02                   ; inc dword [edx]
  e2 c7                   ; loop write
  eb 83                   ; jmp tick
`;

/** Multiboot, with the addresses in its header. */
export function guestImage(options: GuestOptions): Uint8Array {
  const code = bytesOf(CODE);
  const image = new Uint8Array(CODE_AT + code.length);
  const words = (at: number, ...values: readonly number[]): void => {
    const view = new DataView(image.buffer);
    for (const [i, value] of values.entries()) view.setUint32(at + 4 * i, value, true);
  };
  const checksum = -(MULTIBOOT_MAGIC + MULTIBOOT_ADDRESSES);
  const [here, entry] = [BASE + HEADER_AT, BASE + CODE_AT];
  words(HEADER_AT, MULTIBOOT_MAGIC, MULTIBOOT_ADDRESSES, checksum, here, BASE, 0, 0, entry);
  // Nothing; code; data: each of all 4 GiB.
  words(GDT_AT, 0, 0, 0xffff, 0xcf_9a00, 0xffff, 0xcf_9200);
  image.set(limitAndBase(3 * 8, BASE + GDT_AT), GDTR_AT);
  image.set(limitAndBase(9 * 8, BASE + IDT_AT), IDTR_AT);
  words(TIMER_GATE, (8 << 16) | TICK_AT, ((BASE >> 16) << 16) | 0x8e00);
  words(PARAMETERS_AT, ...parameters(options));
  image.set(bytesOf(TICK), TICK_AT);
  image.set(code, CODE_AT);
  return image;
}

/** first, pages, rate, isSweep, limit, end, frequency; rest and last are its own. */
const parameters = (options: GuestOptions): number[] => [
  FIRST,
  options.written / PAGE,
  options.pagesPerSecond,
  options.pattern === 'sweep' ? 1 : 0,
  options.forgetful === true ? FORGETFUL_LIMIT : PM_TIMER_MASK,
  options.memory,
  PM_TIMER_HZ,
];

function limitAndBase(size: number, base: number): Uint8Array {
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, size - 1, true);
  view.setUint32(2, base, true);
  return bytes;
}

const bytesOf = (listing: string): Uint8Array =>
  Uint8Array.from(listing.replaceAll(/;.*/g, '').trim().split(/\s+/), (byte) =>
    Number.parseInt(byte, 16),
  );
