// The streams of all CPUs as one, in the order of time; at the same time, the lower CPU first, as the kernel prints them.
import type { CpuStream } from './cpu-stream.ts';

/**
 * Calls `deliver` with the stream that stands on the next event, up to about `count` times. Says whether there is more. All
 * streams must have been advanced once.
 */
export function deliverSome(
  streams: readonly CpuStream[],
  count: number,
  deliver: (stream: CpuStream) => void,
): boolean {
  for (let done = 0; done < count; ) {
    const first = earliest(streams, undefined);
    if (first === undefined) return false;
    const second = earliest(streams, first);
    // Events come in runs from one CPU, so most of the time there is only this comparison to make.
    const isFirstInTie = second === undefined || streams.indexOf(first) < streams.indexOf(second);
    const until = second?.time ?? Number.POSITIVE_INFINITY;
    do {
      deliver(first);
      done++;
    } while (first.advance() && (first.time < until || (isFirstInTie && first.time === until)));
  }
  return true;
}

function earliest(
  streams: readonly CpuStream[],
  except: CpuStream | undefined,
): CpuStream | undefined {
  let best: CpuStream | undefined;
  let time = Number.POSITIVE_INFINITY;
  for (const stream of streams) {
    if (stream !== except && stream.time < time) {
      best = stream;
      time = stream.time;
    }
  }
  return best;
}
