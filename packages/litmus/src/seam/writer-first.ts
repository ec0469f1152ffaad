// Result: Never (the late reader overtakes); with a reader that heeds only the writer that is in: Sometimes.
//
// A reader arrives while another reads and a writer waits: the writer is served first, or readers that take turns keep a
// harvest out for ever.
// Source: atomics/src/rwlock.ts.
import { rwlock, type Shared, seamMap } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import type { Litmus } from '../litmus.ts';
import { litmusesOf } from '../protocol.ts';
import { words } from './rwlock.ts';

const WRITER = 1 << 31;
const WAITING = 1 << 30;
const { wordsAt: LOCK } = seamMap({ threads: 3, words: 64, frames: 0, frameBytes: 64, ram: 2 });
const WRITTEN = 0;

type TryReadLock = (mem: Shared) => boolean;

function program(name: string, { tryReadLock }: { readonly tryReadLock: TryReadLock }): Program {
  const readLock = (mem: Shared): void => {
    if (!tryReadLock(mem)) rwlock.readLockContended(mem, LOCK);
  };
  return {
    name,
    threads: {
      reader(mem) {
        readLock(mem);
        rwlock.readUnlock(mem, LOCK);
      },
      writer(mem) {
        if (!rwlock.tryWriteLock(mem, LOCK)) rwlock.writeLockContended(mem, LOCK);
        mem.guestStore(WRITTEN, 1);
        rwlock.writeUnlock(mem, LOCK);
      },
      late(mem) {
        const waits = (mem.load32(LOCK) & WAITING) !== 0;
        readLock(mem);
        const written = mem.guestLoad(WRITTEN) === 1;
        rwlock.readUnlock(mem, LOCK);
        return waits && !written ? 'overtook' : 'in turn';
      },
    },
    finally: { 'whoever sees a writer wait comes after it': (_, { late }) => late !== 'overtook' },
    sometimes: { 'a writer waits': (mem) => (mem.load32(LOCK) & WAITING) !== 0 },
    words,
  };
}

export const WRITER_FIRST: readonly Litmus[] = litmusesOf({
  source: 'atomics/src/rwlock.ts',
  rule: 'A reader heeds WAITING as it heeds WRITER.',
  links: [],
  program,
  holds: {
    'rwlock-writer-first': {
      title: 'A reader that arrives after a writer has begun to wait enters after it',
      story:
        'Readers that arrive are held back by a writer that waits, so that those inside run out.',
      parts: { tryReadLock: (mem: Shared) => rwlock.tryReadLock(mem, LOCK) },
    },
  },
  breaks: {
    'rwlock-reader-overtakes': {
      title: 'A reader enters past a writer that waits',
      violates: 'whoever sees a writer wait comes after it',
      story:
        'The reader heeds only a writer that is in. Readers that take turns then keep every writer out.',
      fix: 'Test both bits.',
      parts: { tryReadLock: (mem: Shared) => (mem.add32(LOCK, 1) & WRITER) === 0 },
    },
  },
});
