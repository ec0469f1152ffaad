import { WAIT_TIMED_OUT } from '../src/shared.ts';
import type { WasmShared } from '../src/wasm-shared.ts';

/** For a test's own thread, which nobody wakes: instead of sleeping for ever it throws. */
export function impatient(mem: WasmShared): WasmShared {
  const wait = mem.wait.bind(mem);
  mem.wait = (address, expected, ms = -1) => {
    const why = wait(address, expected, ms < 0 ? 2000 : ms);
    if (ms < 0 && why === WAIT_TIMED_OUT) throw new Error(`nobody woke the test at ${address}`);
    return why;
  };
  return mem;
}
