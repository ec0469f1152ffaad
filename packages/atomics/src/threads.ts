// The backend of real threads: one shared WebAssembly memory, one instance of ops.wat per thread.
import { fillPool } from './frame-pool.ts';
import { opsWasm } from './ops.wasm.ts';
import { latchAddress, type SeamSize, seamMap } from './seam-map.ts';
import { type ConnectOptions, type Ops, type SharedMemory, WasmShared } from './wasm-shared.ts';

/**
 * Makes a memory that worker threads can share: pass it in `workerData` and connect to it there. `ram` makes its guest memory.
 * Throws a RangeError naming what was asked for when it cannot be had.
 */
export function createSharedMemory(
  size: SeamSize,
  ram: (size: SeamSize) => Int32Array = ({ ram }) => new Int32Array(new SharedArrayBuffer(ram * 4)),
): SharedMemory {
  const map = seamMap(size);
  try {
    const words = new WebAssembly.Memory({
      initial: map.wasmPages,
      maximum: map.wasmPages,
      shared: true,
    });
    const memory = { words, ram: ram(size), map };
    fillPool(connectThread(memory, 0), map);
    return memory;
  } catch (cause) {
    const GiB = (size.ram * 4 + map.wasmPages * 65_536) / 2 ** 30;
    throw new RangeError(
      `expected ${GiB.toFixed(2)} GiB of shared memory, which this host does not give`,
      { cause },
    );
  }
}

/** Connects the calling thread; each thread of a memory has a number of its own, below `threads`. */
export function connectThread(
  memory: SharedMemory,
  thread: number,
  options?: ConnectOptions,
): WasmShared {
  if (!(Number.isInteger(thread) && thread >= 0 && thread < memory.map.threads)) {
    throw new RangeError(
      `expected a thread below ${memory.map.threads}, got ${thread}; usual cause: a memory made for fewer threads`,
    );
  }
  const ops = instantiate(opsWasm, memory, thread);
  return new WasmShared(memory, thread, ops, ops.wait, options);
}

export function instantiate(
  bytes: Uint8Array<ArrayBuffer>,
  memory: SharedMemory,
  thread: number,
): Ops {
  const latch = new WebAssembly.Global({ value: 'i32', mutable: false }, latchAddress(thread));
  const env = { memory: memory.words as WebAssembly.Memory, latch };
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports as Ops;
}
