// The time of whatever host this is: Node and browsers name it alike, and the library has the types of neither.
import type { Clock } from './migrate/channel.ts';

interface Host {
  readonly performance: { now(): number };
  setTimeout(call: () => void, ms: number): unknown;
}

const host = globalThis as unknown as Host;

export const hostClock: Clock = {
  now: () => host.performance.now(),
  sleep: (ms) => new Promise((resolve) => void host.setTimeout(resolve, ms)),
};
