// Schedules as text: thread numbers in order, `3*5` for five steps of thread 3, `d2` for a drain of its store buffer.

/** `agents` with T threads: agent T + t is the store buffer of thread t. */
export function formatSchedule(agents: readonly number[], threads: number): string {
  const parts: string[] = [];
  for (let at = 0; at < agents.length; ) {
    const agent = agents[at] as number;
    let end = at;
    while (agents[end] === agent) end++;
    const name = agent < threads ? `${agent}` : `d${agent - threads}`;
    parts.push(end - at === 1 ? name : `${name}*${end - at}`);
    at = end;
  }
  return parts.join(' ');
}

/** A schedule that cannot be: says where, and what was expected there. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

export function parseSchedule(text: string, threads: number): number[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  return parts.flatMap((part, index) => {
    const match = /^(d?)(\d+)(?:\*(\d+))?$/.exec(part);
    const thread = Number(match?.[2]);
    if (match === null || thread >= threads) {
      throw new ScheduleError(
        `schedule, place ${index + 1}: expected a thread below ${threads}, such as 0 or 2*5 or d1, got '${part}'`,
      );
    }
    const agent = match[1] === 'd' ? threads + thread : thread;
    return Array<number>(Number(match[3] ?? 1)).fill(agent);
  });
}

/** Times that a thread was left though it could have gone on; drains are nobody's choice. */
export function preemptions(
  agents: readonly number[],
  threads: number,
  wasEnabled: (step: number, thread: number) => boolean,
): number {
  let count = 0;
  let last = -1;
  agents.forEach((agent, step) => {
    if (agent >= threads) return;
    if (last >= 0 && agent !== last && wasEnabled(step, last)) count++;
    last = agent;
  });
  return count;
}
