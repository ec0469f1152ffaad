import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CpuStream } from './cpu-stream.ts';
import { FileSource } from './dat-source.ts';
import { planned, throughText } from './decode-record.ts';
import { parseEventFormat } from './event-format.ts';
import { readLayout } from './layout.ts';
import { EventRecord } from './record.ts';

const RACE = join(import.meta.dirname, '../../../../traces/k6.12-tdp-ksm-race.dat');

it('gives the same event by its own plan as by way of the text that its format gives', async () => {
  const source = new FileSource(RACE);
  const onDamage = (damage: Error): never => {
    throw damage;
  };
  const { file, unpack } = await readLayout(source, onDamage);
  const both = new Map(
    [...file.formatTexts.values()].flatMap((text) => {
      const format = parseEventFormat(text);
      if (format === undefined) return [];
      const { name, id } = format;
      const kind = { name, plan: planned(format), text: throughText(format), seen: 0 };
      return [[id, kind] satisfies [number, typeof kind]];
    }),
  );
  const origin = { low: 0, high: 0, isSet: false };
  const record = new EventRecord();
  for (const data of file.cpus) {
    const stream = new CpuStream({ data, source, unpack, layout: file.page, origin, onDamage });
    while (stream.advance()) {
      Object.assign(record, { bytes: stream.bytes, words: stream.words });
      Object.assign(record, { at: stream.at, length: stream.length });
      const kind = both.get((record.words[record.at >> 2] ?? 0) & 0xffff);
      if (kind?.plan === undefined || kind.text === undefined || kind.seen++ >= 300) continue;
      expect(kind.plan(record)).toEqual(kind.text(record));
    }
  }
  source.close();
  const compared = [...both.values()].filter(({ seen }) => seen > 0).map(({ name }) => name);
  expect(compared.sort()).toEqual([
    'fast_page_fault',
    'kvm_entry',
    'kvm_exit',
    'kvm_mmu_set_spte',
    'kvm_mmu_spte_requested',
    'kvm_page_fault',
    'kvm_tdp_mmu_spte_changed',
    'kvm_unmap_hva_range',
    'kvm_userspace_exit',
  ]);
});
