// The handshake of March 2012 as a program: vCPUs that plant their ids against one write protection, or one zap.
import type { Shared } from '@faultline/atomics';
import type { Body, NamedWord, Program } from '@faultline/checker';
import { formatSpte, isPresent, isWritable, LOCK, P, RMAP, SPTE } from '../historical/v1.ts';

/** The host's frame was given back. */
const FREED = 0x10c0;

const words: NamedWord[] = [
  { name: 'spte', address: SPTE, format: formatSpte },
  { name: 'rmap head', address: RMAP, format: (head) => (head ? 'WRITE_PROTECT' : '-') },
  { name: 'mmu_lock', address: LOCK },
  { name: 'frame freed', address: FREED },
];
const setup = (mem: Shared): void => mem.store32(SPTE, P);

/** Two vCPUs, by `fast`, against a write protection. */
export const protectAgainst = (
  name: string,
  fast: (id: number) => Body,
  protect: Body,
): Program => ({
  name,
  threads: { vcpu1: fast(1), vcpu2: fast(2), protector: protect },
  setup,
  finally: { 'what is protected is not writable': (mem) => !isWritable(mem) },
  words,
  oops: 'the guest writes its page table behind the shadow MMU',
});

const zap: Body = (mem) => {
  mem.lock(LOCK);
  mem.xchg32(SPTE, 0);
  mem.store32(FREED, 1);
  mem.unlock(LOCK);
};

/** One vCPU, by `fast`, against a zap. */
export const zapAgainst = (name: string, fast: (id: number) => Body): Program => ({
  name,
  threads: { vcpu1: fast(1), notifier: zap },
  setup,
  finally: { 'a freed page is mapped nowhere': (mem) => !isFreed(mem) || !isPresent(mem) },
  words,
  oops: 'the guest reaches a page that belongs to somebody else',
});

export const isFreed = (mem: Shared): boolean => mem.load32(FREED) === 1;
