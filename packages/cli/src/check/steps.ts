// Every step of an execution, also those that a drawing leaves out.
import { formatOperation } from '@faultline/atomics';
import type { ExecutedStep, Execution } from '@faultline/checker';
import { wrap } from '../wrap.ts';

const NOT_DONE: Readonly<Partial<Record<ExecutedStep['kind'], string>>> = {
  asleep: 'falls asleep',
  timeout: 'its time runs out',
  drain: 'reaches memory',
};

export function stepLines({ threads, steps }: Execution): readonly string[] {
  const digits = String(steps.length).length;
  const width = Math.max(...threads.map(({ length }) => length));
  const hang = ' '.repeat(2 + digits + 2 + width + 4);
  return steps.map((step, index) => {
    const thread = (threads[step.thread] ?? '').padEnd(width);
    return wrap(told(step, threads), `  ${String(index + 1).padStart(digits)}  ${thread}  `, hang);
  });
}

function told(step: ExecutedStep, threads: readonly string[]): string {
  const { found, changes, exchanged, wakes, kind } = step;
  const [frame] = step.site;
  const others = changes.filter(({ name }) => name !== found?.name);
  const notes = [
    ...[NOT_DONE[kind] ?? []].flat(),
    ...(exchanged === false ? ['fails'] : []),
    ...others.map(({ name, before, after }) => `${name}: ${before} -> ${after}`),
    ...(wakes.length > 0 ? [`wakes ${wakes.map((thread) => threads[thread]).join(', ')}`] : []),
  ];
  const place = frame === undefined ? '' : `  (${frame.file.split(/[/\\]/).at(-1)}:${frame.line})`;
  return [did(step), ...notes].join('; ') + place;
}

/** `cmpxchg64 spte: R- -> RW`, `load32 seq = 3` */
function did({ operation, found, changes }: ExecutedStep): string {
  if (found === undefined) return formatOperation(operation);
  const change = changes.find(({ name }) => name === found.name);
  const value = change === undefined ? ` = ${found.text}` : `: ${change.before} -> ${change.after}`;
  return `${operation.verb} ${found.name}${value}`;
}
