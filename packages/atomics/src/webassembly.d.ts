// The few members of WebAssembly we use: neither lib ES2024 nor an empty `types` declares it.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared?: boolean });
    readonly buffer: SharedArrayBuffer | ArrayBuffer;
  }
  class Global {
    constructor(descriptor: { value: 'i32'; mutable: false }, value: number);
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory; latch: Global } });
    readonly exports: unknown;
  }
}
