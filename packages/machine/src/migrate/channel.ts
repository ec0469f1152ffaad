// What a migration needs of its surroundings. A socket, a MessagePort, a WebSocket, a file: all are channels.

/** Both directions of one connection: bytes in order, without any boundaries between them. */
export interface Channel {
  /**
   * Hands bytes over, in order; resolves when the next may be handed over (backpressure), and not before these may be
   * overwritten. Rejects when the connection is gone or `close` was called.
   */
  send(bytes: Uint8Array): Promise<void>;
  /** What the other side sent, in pieces of any size. Ends when it has closed; throws when the connection broke. */
  receive(): AsyncIterable<Uint8Array>;
  /** At once: what waits in `send` or `receive` comes to its end. May be called twice. */
  close(): void;
}

/** Time, for hosts that differ in how they tell it. Node and browsers: performance.now and setTimeout. */
export interface Clock {
  /** Milliseconds from any origin. */
  now(): number;
  /** Resolves after `ms` milliseconds or later; other tasks run meanwhile. */
  sleep(ms: number): Promise<void>;
}

/** An AbortSignal, by what is needed of it. */
export interface CancelSignal {
  /** Has it been aborted already? */
  readonly aborted: boolean;
  /** Calls `listener` when it is aborted, not if it was before. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Calls `listener` no longer. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A compression that both sides know by `name` (at most 16 ASCII letters). */
export interface Compression {
  /** What the header of the stream says, and the destination looks for. */
  readonly name: string;
  /** What is not smaller than `bytes` is not used. */
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Answers `rawBytes` bytes. May throw on what it cannot read. */
  decompress(bytes: Uint8Array, rawBytes: number): Uint8Array | Promise<Uint8Array>;
}
