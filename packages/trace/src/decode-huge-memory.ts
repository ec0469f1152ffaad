// khugepaged and MADV_COLLAPSE. KVM's guests feel both. KVM: include/trace/events/huge_memory.h.
import type { Decoders } from './decode.ts';
import type { LineCursor } from './line-cursor.ts';

/** `name=0x...`; -1 where the kernel had no page. */
function readPfn(line: LineCursor, before: string): number {
  line.text(before);
  line.text('scan_pfn=0x');
  return line.address();
}

function readNumber(line: LineCursor, before: string): number {
  line.text(before);
  return line.signedDecimal();
}

/** Newer kernels (6.18 for one) collapse read-only ranges too, and no longer say it. */
function readWritable(line: LineCursor): { writable?: boolean } {
  return line.accept(', writable=') ? { writable: line.signedDecimal() !== 0 } : {};
}

/** Up to the next comma or the end of the line. */
function readStatus(line: LineCursor): string {
  line.text(', status=');
  return line.word(',');
}

export const hugeMemoryDecoders: Decoders = {
  mm_collapse_huge_page(line) {
    line.text('mm=');
    const mm = line.pointer();
    const isolated = readNumber(line, ', isolated=');
    const status = readStatus(line);
    return { event: 'mm_collapse_huge_page', mm, isolated, status };
  },

  mm_collapse_huge_page_isolate(line) {
    const scan_pfn = readPfn(line, '');
    const none_or_zero = readNumber(line, ', none_or_zero=');
    const referenced = readNumber(line, ', referenced=');
    const writable = readWritable(line);
    const status = readStatus(line);
    return {
      event: 'mm_collapse_huge_page_isolate',
      scan_pfn,
      none_or_zero,
      referenced,
      ...writable,
      status,
    };
  },

  mm_khugepaged_scan_pmd(line) {
    line.text('mm=');
    const mm = line.pointer();
    const scan_pfn = readPfn(line, ', ');
    const writable = readWritable(line);
    const referenced = readNumber(line, ', referenced=');
    const none_or_zero = readNumber(line, ', none_or_zero=');
    const status = readStatus(line);
    const unmapped = readNumber(line, ', unmapped=');
    return {
      event: 'mm_khugepaged_scan_pmd',
      mm,
      scan_pfn,
      ...writable,
      referenced,
      none_or_zero,
      status,
      unmapped,
    };
  },
};
