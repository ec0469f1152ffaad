// What a migration needs of its surroundings. A socket, a MessagePort, a WebSocket, a file: all are channels.

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

export interface Clock {
  /** Milliseconds from any origin. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** An AbortSignal, by what is needed of it. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A compression that both sides know by `name` (at most 16 ASCII letters). */
export interface Compression {
  readonly name: string;
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Answers `rawBytes` bytes. May throw on what it cannot read. */
  decompress(bytes: Uint8Array, rawBytes: number): Uint8Array | Promise<Uint8Array>;
}
