// KSM's tracepoints (6.12 has them, 6.1 does not). Their pfns are decimal.
import type { KsmMerge, Pfn } from '@faultline/mmu';
import type { Decode, Decoders } from './decode.ts';
import type { KsmMm, KsmScan } from './host-event.ts';

const merge =
  (event: KsmMerge['event']): Decode =>
  (line) => {
    // Said when the page was merged before.
    line.accept('ksm ');
    line.text('pfn ');
    const pfn = line.decimal() as Pfn;
    line.text(' rmap_item ');
    line.pointer();
    line.text(' mm ');
    line.pointer();
    line.text(' error ');
    const error = line.signedDecimal();
    return { event, pfn, error };
  };

const scan =
  (event: KsmScan['event']): Decode =>
  (line) => {
    line.text('seq ');
    const seq = line.decimal();
    line.text(' rmap size ');
    const rmap_entries = line.decimal();
    return { event, seq, rmap_entries };
  };

const process =
  (event: KsmMm['event']): Decode =>
  (line) => {
    line.text('mm ');
    const mm = line.pointer();
    return { event, mm };
  };

export const ksmDecoders: Decoders = {
  ksm_merge_one_page: merge('ksm_merge_one_page'),
  ksm_merge_with_ksm_page: merge('ksm_merge_with_ksm_page'),
  ksm_start_scan: scan('ksm_start_scan'),
  ksm_stop_scan: scan('ksm_stop_scan'),
  ksm_enter: process('ksm_enter'),
  ksm_exit: process('ksm_exit'),

  ksm_remove_ksm_page(line) {
    line.text('pfn ');
    const pfn = line.decimal() as Pfn;
    return { event: 'ksm_remove_ksm_page', pfn };
  },

  ksm_remove_rmap_item(line) {
    line.text('pfn ');
    const pfn = line.decimal() as Pfn;
    line.text(' rmap_item ');
    line.pointer();
    line.text(' mm ');
    const mm = line.pointer();
    return { event: 'ksm_remove_rmap_item', pfn, mm };
  },

  ksm_advisor(line) {
    line.text('ksm scan time ');
    const scan_time = line.signedDecimal();
    line.text(' pages_to_scan ');
    const pages_to_scan = line.decimal();
    line.text(' cpu percent ');
    const cpu_percent = line.decimal();
    return { event: 'ksm_advisor', scan_time, pages_to_scan, cpu_percent };
  },
};
