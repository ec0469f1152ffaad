// The backend of one thread: the same operations over memory that is not shared, for hosts without SharedArrayBuffer.
// Nobody else can ever change a word, so whoever would sleep is told why it would sleep for ever.
import { fillPool } from './frame-pool.ts';
import { opsAloneWasm } from './ops.wasm.ts';
import { type SeamSize, seamMap } from './seam-map.ts';
import { WAIT_TIMED_OUT } from './shared.ts';
import { instantiate } from './threads.ts';
import { type ConnectOptions, type SharedMemory, WasmShared } from './wasm-shared.ts';

const neverWoken = (address: number, expected: number, ms: number): number => {
  if (ms >= 0) return WAIT_TIMED_OUT; // nothing can happen before then
  throw new Error(
    `expected word ${address} to change from ${expected}, but the only thread there is waits for it; ` +
      'usual cause: a lock taken twice, or a vCPU that was not taken out of guest mode',
  );
};

/** A memory for one thread, connected. `size.threads` counts its vCPUs. */
export function createAlone(size: SeamSize, options?: ConnectOptions): WasmShared {
  return connectAlone(createAloneMemory(size), 0, options);
}

/** A memory that no other thread can reach. `ram` makes its guest memory. */
export function createAloneMemory(
  size: SeamSize,
  ram: (size: SeamSize) => Int32Array = ({ ram }) => new Int32Array(ram),
): SharedMemory {
  const map = seamMap(size);
  const words = new WebAssembly.Memory({ initial: map.wasmPages, maximum: map.wasmPages });
  const memory: SharedMemory = { words, ram: ram(size), map };
  fillPool(connectAlone(memory, 0), map);
  return memory;
}

/** The one real thread as thread number `thread` of the memory: a vCPU, or who runs them by turns. */
export function connectAlone(
  memory: SharedMemory,
  thread: number,
  options?: ConnectOptions,
): WasmShared {
  const ops = instantiate(opsAloneWasm, memory, thread);
  return new WasmShared(memory, thread, ops, neverWoken, options);
}
