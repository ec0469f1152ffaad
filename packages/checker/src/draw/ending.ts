// What stands under the table. In: a violation; out: sentences that say what failed, and a list where one is due: how the
// threads stand after a deadlock, a lost wakeup or a livelock; both accesses of a data race; the words at a bad end.
import type { Execution, Standing } from '../execution.ts';
import type { Fault, Violation } from '../verdict.ts';
import { type Access, racingPair } from './race.ts';
import { sourceLines } from './source-lines.ts';
import { describeOperation, isWrite, kindOf } from './verbs.ts';

export interface List {
  readonly heading: string;
  readonly items: readonly string[];
}

export interface Ending {
  readonly sentences: readonly string[];
  readonly lists: readonly List[];
}

const STUCK: readonly Fault[] = ['deadlock', 'lost wakeup', 'livelock'];

export function endingOf(violation: Violation): Ending {
  const { execution, fault, property, oops, repeats } = violation;
  const failed = sentence(`${fault}: ${property}`);
  const preemptions = execution === undefined ? '' : ` ${howLate(execution)}.`;
  const sentences =
    oops === undefined
      ? [failed + preemptions]
      : [sentence(capitalised(oops)) + preemptions, failed];
  if (execution !== undefined && repeats !== undefined) {
    sentences.push(whatRepeats(execution.steps.length, repeats));
  }
  return { sentences, lists: execution === undefined ? [] : listsOf(fault, execution) };
}

function listsOf(fault: Fault, execution: Execution): readonly List[] {
  if (STUCK.includes(fault)) {
    const items = execution.standing.map((_, thread) => stands(execution, thread));
    return [{ heading: 'How the threads stand', items }];
  }
  if (fault === 'data race') {
    const items = (racingPair(execution) ?? []).map((access) => meets(execution, access));
    return items.length === 0 ? [] : [{ heading: 'These two meet', items }];
  }
  if (fault === 'finally' && execution.final.length > 0) {
    const words = execution.final.map(({ name, text }) => `${name} = ${text}`);
    return [{ heading: 'At the end', items: [words.join(', ')] }];
  }
  return [];
}

function stands(execution: Execution, thread: number): string {
  const { state, operation, name, site = [] } = execution.standing[thread] as Standing;
  const who = `${execution.threads[thread]}: ${state}`;
  if (operation === undefined) return who;
  const holders = kindOf(operation) === 'lock' ? holdersOf(execution, name) : [];
  const held = holders.length === 0 ? '' : `, held by ${holders.join(' and ')}`;
  const preposition = state === 'running' ? 'before' : 'in';
  return located(`${who} ${preposition} ${describeOperation(operation, name)}${held}`, site);
}

function meets({ threads }: Execution, { thread, operation, name, site }: Access): string {
  const verb = isWrite(operation) ? 'writes' : 'reads';
  const word = name ?? `0x${operation.address.toString(16)}`;
  const how = operation.order === 'plain' ? 'plain' : 'atomic';
  return located(`${threads[thread]}: ${verb} ${word}, ${how}`, site);
}

const located = (text: string, site: NonNullable<Standing['site']>): string =>
  site.length === 0 ? text : `${text}; ${sourceLines([site], 1)}`;

/** Who has taken a lock and not given it back. */
function holdersOf({ threads, steps }: Execution, lock: string | undefined): readonly string[] {
  const held = threads.map(() => 0);
  for (const { thread, kind, operation, found } of steps) {
    if (kind !== 'done' || found === undefined || found.name !== lock) continue;
    if (kindOf(operation) === 'lock') held[thread] = (held[thread] ?? 0) + 1;
    if (kindOf(operation) === 'unlock') held[thread] = (held[thread] ?? 0) - 1;
  }
  return threads.filter((_, thread) => (held[thread] ?? 0) > 0);
}

function howLate({ steps, preemptions }: Execution): string {
  if (steps.length === 0) return 'Before anybody took a step';
  return `${preemptions} ${preemptions === 1 ? 'preemption' : 'preemptions'}`;
}

/** Of all steps: a drawing leaves some out. */
const whatRepeats = (steps: number, repeats: number): string =>
  `Of its ${steps} steps the last ${repeats === 1 ? 'repeats' : `${repeats} repeat`} for ever.`;

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
