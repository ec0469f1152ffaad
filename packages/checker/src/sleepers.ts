// Who sleeps on a word, in the order in which they fell asleep: thread + 1 in four bits each, the first lowest.

export const MOST_THREADS = 15;

export function isSleeper(queue: number, thread: number): boolean {
  for (let rest = queue; rest !== 0; rest >>>= 4) if ((rest & 15) === thread + 1) return true;
  return false;
}

export const firstSleeper = (queue: number): number => (queue & 15) - 1;
export const withoutFirst = (queue: number): number => queue >>> 4;

export function withSleeper(queue: number, thread: number): number {
  let shift = 0;
  while (shift < 32 && ((queue >>> shift) & 15) !== 0) shift += 4;
  if (shift === 32) throw new RangeError('expected at most 8 sleepers on one word');
  return queue | ((thread + 1) << shift);
}

export function withoutSleeper(queue: number, thread: number): number {
  let left = 0;
  let shift = 0;
  for (let rest = queue; rest !== 0; rest >>>= 4) {
    if ((rest & 15) === thread + 1) continue;
    left |= (rest & 15) << shift;
    shift += 4;
  }
  return left;
}
