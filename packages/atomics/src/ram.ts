// Guest memory as a WebAssembly.Memory of its own: a guest's compiled code imports it and loads and stores there.

/** A WebAssembly.Memory, by the one member that others may need; structured clone keeps a shared one shared. */
export interface Ram {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
}

const WASM_PAGE = 65_536;

/** `bytes` of zeroed memory, rounded up to WebAssembly's pages; it never grows. Throws a RangeError when it cannot be had. */
export function createRam(bytes: number, { shared }: { readonly shared: boolean }): Ram {
  const pages = Math.ceil(bytes / WASM_PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    throw new RangeError(
      `expected ${(bytes / 2 ** 20).toFixed(0)} MiB of guest memory, which this host does not give`,
      { cause },
    );
  }
}
