// One thread that does the work of all: the memory of the replayed VM. The order is the trace's, so that locks have nothing to
// keep apart and nobody is waited for; and whoever looks at an entry of a page table lets the trace catch up first.
import { connectAlone, type SharedMemory, WAIT_WOKEN, type WasmShared } from '@faultline/atomics';

export interface Steering {
  /** Called before each 64-bit load: of an spte, as no other word is that wide. */
  beforeLook(address: number): void;
  /** Called before each 32-bit load or AND: of a word of the dirty log, perhaps. */
  beforeTake(address: number): void;
  /** Called where a lock is taken, which keeps nobody apart. */
  beforeLock(address: number): void;
  /** Called in place of a wait: what is waited for has happened when it returns. */
  onWait(): void;
  /** Called when a grace period has begun: it is over when it returns. */
  onSynchronize(): void;
}

/** Thread `thread` of `memory`. */
export function connectSteered(
  memory: SharedMemory,
  thread: number,
  steering: Steering,
): WasmShared {
  const mem = connectAlone(memory, thread);
  const { load64, load32, and32 } = mem;
  const synchronize = mem.synchronize.bind(mem);
  const nothing = (): void => {};
  return Object.assign(mem, {
    load64: (address: number): number => {
      steering.beforeLook(address);
      return load64(address);
    },
    load32: (address: number): number => {
      steering.beforeTake(address);
      return load32(address);
    },
    and32: (address: number, bits: number): number => {
      steering.beforeTake(address);
      return and32(address, bits);
    },
    lock: (address: number) => steering.beforeLock(address),
    unlock: nothing,
    readLock: (address: number) => steering.beforeLock(address),
    readUnlock: nothing,
    writeLock: (address: number) => steering.beforeLock(address),
    writeUnlock: nothing,
    wait: () => WAIT_WOKEN,
    waitUntil: () => steering.onWait(),
    waitWhile: nothing,
    synchronize: (): void => {
      synchronize();
      steering.onSynchronize();
    },
  });
}
