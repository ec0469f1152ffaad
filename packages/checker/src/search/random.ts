// Schedules at random: for what no search can finish. `random` chooses evenly at each step; `pct` gives threads priorities and
// lowers the running one's at a few random points, which meets a bug of depth d with a known least probability
// (Burckhardt, Kothari, Musuvathi, Nagarakatti: A randomized scheduler with probabilistic guarantees, ASPLOS 2010).
import type { Found, SearchContext } from './search.ts';

/** Priority changes of one execution. */
const CHANGES = 2;
const MOST_STEPS = 100_000;

export function searchRandom(
  { machine, judge, limits }: SearchContext,
  { kind, seed }: { readonly kind: 'random' | 'pct'; readonly seed: number },
): Found {
  const random = generator(seed);
  let executions = 0;
  let transitions = 0;
  let deepest = 0;
  const found = (extra: Partial<Found>): Found => ({
    states: 0,
    transitions,
    executions,
    blocked: 0,
    depth: deepest,
    bytesPerState: 0,
    ...extra,
  });
  for (;;) {
    const schedule: number[] = [];
    const priorities = shuffled(machine.agents, random);
    const changes = Array.from({ length: CHANGES }, () => random(Math.max(1, deepest)));
    machine.reset();
    let fault = judge.first();
    while (fault === undefined) {
      const able = enabledAgents(machine);
      if (able.length === 0 || (machine.hasIdle && machine.isQuiet())) {
        fault = judge.atEnd();
        break;
      }
      const agent =
        kind === 'random' ? (able[random(able.length)] as number) : highest(able, priorities);
      schedule.push(agent);
      machine.step(agent);
      transitions++;
      fault = judge.afterStep();
      if (changes.includes(schedule.length)) priorities[agent] = -schedule.length;
      if (schedule.length > MOST_STEPS)
        return found({ budget: `one execution of ${MOST_STEPS} steps` });
      const budget = limits.exceeded({ states: 0, executions, bytes: 0 });
      if (budget !== undefined && fault === undefined) return found({ budget });
    }
    executions++;
    deepest = Math.max(deepest, schedule.length);
    if (fault !== undefined) return found({ violation: { fault, schedule } });
  }
}

function enabledAgents(machine: SearchContext['machine']): number[] {
  const able: number[] = [];
  for (let agent = 0; agent < machine.agents; agent++)
    if (machine.isEnabled(agent)) able.push(agent);
  return able;
}

const highest = (able: readonly number[], priorities: readonly number[]): number =>
  able.reduce((best, agent) =>
    (priorities[agent] as number) > (priorities[best] as number) ? agent : best,
  );

function shuffled(length: number, random: (below: number) => number): number[] {
  const values = Array.from({ length }, (_, index) => index);
  for (let at = length - 1; at > 0; at--) {
    const other = random(at + 1);
    [values[at], values[other]] = [values[other] as number, values[at] as number];
  }
  return values;
}

/** xorshift32; the same seed gives the same schedules. */
function generator(seed: number): (below: number) => number {
  let word = seed | 0 || 0x9e37_79b9;
  return (below) => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) % below;
  };
}
