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
  const map = seamMap(size);
  const words = new WebAssembly.Memory({ initial: map.wasmPages, maximum: map.wasmPages });
  const memory: SharedMemory = { words, ram: new Int32Array(size.ram), map };
  const ops = instantiate(opsAloneWasm, memory, 0);
  const mem = new WasmShared(memory, 0, ops, neverWoken, options);
  fillPool(mem, map);
  return mem;
}
