// The head of a ring-buffer page, as the kernel describes it in events/header_page:
//
//   field: u64 timestamp;	offset:0;	size:8;	signed:0;
//   field: local_t commit;	offset:8;	size:8;	signed:1;
//   field: char data;	offset:16;	size:4080;	signed:0;
import { parseFields } from './event-format.ts';

export interface PageLayout {
  /** Bytes from the page's start. */
  readonly commit: number;
  readonly data: number;
  /** Bytes of a kernel's long, which is what a stored count of lost events has. */
  readonly longSize: number;
}

/** Where the description lacks a field, as on every 64-bit kernel. */
export function pageLayout(description: string): PageLayout {
  const fields = parseFields(description);
  const commit = fields.get('commit');
  const data = fields.get('data');
  return {
    commit: commit?.offset ?? 8,
    data: data?.offset ?? 16,
    longSize: commit?.size === 4 ? 4 : 8,
  };
}
