// A MessagePort as a channel: between workers, between a page and its workers, between windows. The same in Node.
import type { Channel } from './channel.ts';

/** A MessagePort, by what is needed of it. */
export interface Port {
  /** Takes over what is in `transfer`. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** `close`: the other side has gone, where the host says so. */
  addEventListener(
    type: 'message' | 'close',
    listener: (event: { readonly data?: unknown }) => void,
  ): void;
  /** Lets messages come. */
  start(): void;
  /** What was posted before still arrives. */
  close(): void;
}

const TAKEN = 'taken';
const CLOSED = 'closed';

/** `port` is the channel's alone from here on; both ends of it have to be channels. */
export function portChannel(port: Port): Channel {
  const arrived: Uint8Array[] = [];
  /** Senders that wait until the other side has taken what they sent. */
  const waiting: { taken(): void; gone(error: Error): void }[] = [];
  let wake = (): void => {};
  let isClosed = false;

  const end = (): void => {
    if (isClosed) return;
    isClosed = true;
    port.close();
    for (const { gone } of waiting.splice(0)) gone(new Error('the port is closed'));
    wake();
  };
  port.addEventListener('message', ({ data }) => {
    if (data === TAKEN) waiting.shift()?.taken();
    else if (data === CLOSED) end();
    else arrived.push(data as Uint8Array);
    wake();
  });
  port.addEventListener('close', end);
  port.start();

  return {
    send(bytes) {
      if (isClosed) return Promise.reject(new Error('the port is closed'));
      const copy = bytes.slice(); // the sender uses its buffer again
      return new Promise((taken, gone) => {
        waiting.push({ taken, gone });
        port.postMessage(copy, [copy.buffer as ArrayBuffer]);
      });
    },
    async *receive() {
      for (;;) {
        const bytes = arrived.shift();
        if (bytes !== undefined) {
          if (!isClosed) port.postMessage(TAKEN, []);
          yield bytes;
        } else if (isClosed) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
    close() {
      if (!isClosed) port.postMessage(CLOSED, []);
      end();
    },
  };
}
