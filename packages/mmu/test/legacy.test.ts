// The specs of what any MMU must do, once more with the legacy MMU; each says itself what it has to say of one MMU alone.
import { describe } from 'vitest';
import { useMmu } from './fixture.ts';

useMmu('legacy');

describe('with the legacy MMU', async () => {
  await import('../src/dirty/clear-dirty-log.test.ts');
  await import('../src/dirty/dirty-ring.test.ts');
  await import('../src/dirty/harvest.test.ts');
  await import('../src/fault/fast-page-fault.test.ts');
  await import('../src/fault/mmio.test.ts');
  await import('../src/fault/slow-page-fault.test.ts');
  await import('../src/host/aging.test.ts');
  await import('../src/host/drop-pages.test.ts');
  await import('../src/host/ksm.test.ts');
  await import('../src/host/missing-pages.test.ts');
  await import('../src/host/mmu-notifier.test.ts');
  await import('../src/host/move-page.test.ts');
  await import('../src/host/page-frames.test.ts');
  await import('../src/host/protect-pages.test.ts');
  await import('../src/host/share-pages.test.ts');
  await import('../src/vcpu/access.test.ts');
  await import('../src/vcpu/pml.test.ts');
  await import('../src/vcpu/run.test.ts');
  await import('../src/vm/set-memory-region.test.ts');
  await import('../src/vm/zap-all-fast.test.ts');
  await import('./locking.test.ts');
  await import('./one-thread.test.ts');
  await import('./reference-model.test.ts');
  await import('./replay.test.ts');
});
