import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTrace } from '../read-trace.ts';
import { Recorder } from './acts/recorder.ts';
import { replay } from './replay.ts';
import type { Verdicts } from './verdicts.ts';

const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../../../traces/${name}.txt.gz`, import.meta.url));

async function replayOf(file: string): Promise<Verdicts> {
  const recorder = new Recorder();
  await readTrace(file, (event) => recorder.add(event));
  return replay(recorder.end());
}

const agreed = (count: number, explained = 0, unexplained = 0) => ({
  agreed: count,
  explained,
  unexplained,
});

describe('a recorded race of KSM against two vCPUs whose log is taken, replayed', async () => {
  const verdicts = await replayOf(bundled('k6.12-tdp-ksm-race'));

  it('has every look without the lock end as it did, from the same word', () => {
    expect(verdicts.tallies.fast_page_fault).toEqual(agreed(7531));
  });

  it('has every harvest find the pages that user space was told of, and no other', () => {
    expect(verdicts.tallies['dirty page']).toEqual(agreed(7466));
  });

  it('changes every entry as it was changed', () => {
    expect(verdicts.tallies.kvm_tdp_mmu_spte_changed).toEqual(agreed(13_686, 2));
  });

  it('leaves nothing unexplained', () => {
    expect(verdicts.unexplained).toEqual([]);
  });

  it('explains as much as it did when this was written', () => {
    expect(verdicts.rules).toEqual({ 'kept-leaf': 6, 'lost-exchange': 2, 'retried-unseen': 26 });
  });
});

describe('a recorded migration with huge pages on the legacy MMU, replayed', async () => {
  const verdicts = await replayOf(bundled('k6.12-legacy-migrate-thp'));

  it('has every look without the lock end as it did, from the same word', () => {
    expect(verdicts.tallies.fast_page_fault).toEqual(agreed(7055));
  });

  it('has every harvest find the pages that user space was told of', () => {
    expect(verdicts.tallies['dirty page']).toEqual(agreed(20_077, 109));
  });

  it('maps what was mapped', () => {
    expect(verdicts.tallies.kvm_mmu_set_spte).toEqual(agreed(13_243, 6));
  });

  it('leaves one thing unexplained: how many tables KVM counts as used', () => {
    expect(verdicts.unexplained).toMatchObject([{ kind: 'kvm_mmu_zap_all_fast' }]);
  });
});
