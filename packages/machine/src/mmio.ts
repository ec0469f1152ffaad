// Devices of one vCPU, by the guest-physical addresses that they answer to. Asked only where no memory is.

/** Bytes of one access to a device. */
export type MmioSize = 1 | 2 | 4;

/** A device. Accesses of 64 bits come as two of 32, the low one first. */
export interface MmioRange {
  /** Guest-physical address of its first byte. */
  readonly gpa: number;
  /** How many bytes from `gpa` on it answers for; at least 1. */
  readonly bytes: number;
  /** What is at `offset` bytes from `gpa`; of the answer, the low `size` bytes count. */
  read(offset: number, size: MmioSize): number;
  /** `value` is unsigned. */
  write(offset: number, size: MmioSize, value: number): void;
}

const ALL_ONES: Readonly<Record<MmioSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

export class MmioMap {
  #ranges: readonly MmioRange[] = [];

  /** Answers how to take it away again. Throws a RangeError when another device has some of it. */
  add(range: MmioRange): () => void {
    const { gpa, bytes } = range;
    if (!(Number.isSafeInteger(gpa) && gpa >= 0 && Number.isSafeInteger(bytes) && bytes > 0)) {
      throw new RangeError(
        `expected a device at a gpa, with a size in bytes, got ${gpa} + ${bytes}`,
      );
    }
    const other = this.#ranges.find((r) => gpa < r.gpa + r.bytes && r.gpa < gpa + bytes);
    if (other !== undefined) {
      throw new RangeError(
        `expected no two devices at one gpa, got ${described(range)} beside ${described(other)}`,
      );
    }
    this.#ranges = [...this.#ranges, range];
    return () => {
      this.#ranges = this.#ranges.filter((candidate) => candidate !== range);
    };
  }

  /** Unsigned; all ones where nothing is. */
  read(gpa: number, size: MmioSize): number {
    const range = this.#at(gpa);
    if (range === undefined) return ALL_ONES[size];
    return (range.read(gpa - range.gpa, size) & ALL_ONES[size]) >>> 0;
  }

  write(gpa: number, size: MmioSize, value: number): void {
    const range = this.#at(gpa);
    range?.write(gpa - range.gpa, size, (value & ALL_ONES[size]) >>> 0);
  }

  #at(gpa: number): MmioRange | undefined {
    return this.#ranges.find((range) => gpa >= range.gpa && gpa < range.gpa + range.bytes);
  }
}

const described = ({ gpa, bytes }: MmioRange): string => `0x${gpa.toString(16)} + ${bytes} bytes`;
