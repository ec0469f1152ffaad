// Two ends of a connection inside one thread, with backpressure: `send` resolves when the other side has taken the bytes.
import type { Channel } from '../src/index.ts';

interface Pipe {
  readonly chunks: { bytes: Uint8Array; taken: (error?: Error) => void }[];
  closed: boolean;
  wake: () => void;
}

const newPipe = (): Pipe => ({ chunks: [], closed: false, wake: () => {} });

export function channelPair(): [Channel, Channel] {
  const [there, back] = [newPipe(), newPipe()];
  return [channelOf(there, back), channelOf(back, there)];
}

function channelOf(out: Pipe, into: Pipe): Channel {
  const close = (): void => {
    for (const pipe of [out, into]) {
      pipe.closed = true;
      pipe.wake();
      for (const { taken } of pipe.chunks) taken(new Error('closed'));
    }
  };
  return {
    send(bytes) {
      if (out.closed) return Promise.reject(new Error('the other end is closed'));
      return new Promise((resolve, reject) => {
        const taken = (error?: Error): void => (error === undefined ? resolve() : reject(error));
        out.chunks.push({ bytes: bytes.slice(), taken });
        out.wake();
      });
    },
    async *receive() {
      for (;;) {
        const chunk = into.chunks.shift();
        if (chunk !== undefined) {
          chunk.taken();
          yield chunk.bytes;
        } else if (into.closed) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            into.wake = resolve;
          });
        }
      }
    },
    close,
  };
}

/** A clock that tests may use: real timers. */
export const clock = {
  now: (): number => performance.now(),
  sleep: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
};
