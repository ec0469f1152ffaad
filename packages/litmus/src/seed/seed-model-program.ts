// The race of the seed mail over four words and four bits, as small as it can be said. Its numbers of executions are
// published in seed-model.test.ts, so that any other checker can be held against this one.
import type { Shared } from '@faultline/atomics';
import type { Body, Program } from '@faultline/checker';

/**
 * safe: the notifier takes the whole spte away. unsafe: it clears W only, as the mail drew it.
 * mail: safe, but slow faults read the host's page before the sequence number, as the mail lists it.
 */
export type SeedVariant = 'safe' | 'unsafe' | 'mail';

const P = 1;
const W = 2;
const MMU_W = 4;
const HOST_W = 8;

const SPTE = 0x1000;
const SEQ = 0x1040;
const HOST = 0x1080;
const LOCK = 0x10c0;

function fastPageFault(mem: Shared): void {
  const spte = mem.load32(SPTE);
  if ((spte & (P | MMU_W)) === (P | MMU_W)) mem.cmpxchg32(SPTE, spte, spte | W);
}

function slowPageFault(mem: Shared): void {
  const seq = mem.load32(SEQ);
  mapUnlessStale(mem, seq, mem.load32(HOST));
}

function slowPageFaultMailOrder(mem: Shared): void {
  const host = mem.load32(HOST);
  mapUnlessStale(mem, mem.load32(SEQ), host);
}

function mapUnlessStale(mem: Shared, seq: number, host: number): void {
  mem.lock(LOCK);
  if (mem.load32(SEQ) === seq) mem.store32(SPTE, host ? P | MMU_W | HOST_W | W : P);
  mem.unlock(LOCK);
}

/** The notifier leaves the bits of the spte that are in `keep`. */
const ksm = (keep: number): Body =>
  function writeProtectPage(mem) {
    mem.store32(HOST, 0);
    mem.lock(LOCK);
    mem.and32(SPTE, keep);
    mem.store32(SEQ, mem.load32(SEQ) + 1);
    mem.unlock(LOCK);
  };

/** So many fast and slow faults of one page against one KSM thread. */
export function seedModel(variant: SeedVariant, fastFaults: number, slowFaults: number): Program {
  const slow = variant === 'mail' ? slowPageFaultMailOrder : slowPageFault;
  const named = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}${index}`);
  const fasts = named('fast', fastFaults);
  const slows = named('slow', slowFaults);
  return {
    name: `seed-model ${variant} ${fastFaults}+${slowFaults}`,
    threads: {
      ...Object.fromEntries(fasts.map((name) => [name, fastPageFault])),
      ...Object.fromEntries(slows.map((name) => [name, slow])),
      ksm: ksm(variant === 'unsafe' ? ~W : 0),
    },
    symmetric: [fasts, slows].filter((names) => names.length > 1),
    setup: (mem) => {
      mem.store32(SPTE, P | MMU_W | HOST_W);
      mem.store32(HOST, 1);
    },
    finally: { 'W implies host-writable': (mem) => !isWritable(mem) || isHostWritable(mem) },
    words: [
      { name: 'spte', address: SPTE, format: formatSpte },
      { name: 'seq', address: SEQ },
      { name: 'host pte', address: HOST, format: (pte) => (pte ? 'W' : 'R') },
      { name: 'mmu_lock', address: LOCK },
    ],
    oops: 'the guest writes a page that the host has merged',
  };
}

export const isWritable = (mem: Shared): boolean => (mem.load32(SPTE) & W) !== 0;
export const isHostWritable = (mem: Shared): boolean => mem.load32(HOST) !== 0;
export const isPresent = (mem: Shared): boolean => (mem.load32(SPTE) & P) !== 0;

const formatSpte = (spte: number): string =>
  spte === 0 ? '-' : ['P', 'W', 'M', 'H'].filter((_, bit) => (spte >>> bit) & 1).join('');
