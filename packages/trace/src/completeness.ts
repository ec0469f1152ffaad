// How much of what happened a trace holds, in words that every command says aloud.
import type { TraceSummary } from './trace-summary.ts';

/** Cut or damaged: what is said of it is said of its sound part. Commands then end with exit code 3. */
export const isDamaged = ({ truncated, errorCount }: TraceSummary): boolean =>
  truncated || errorCount > 0;

/** Holds every event that the kernel recorded, and all of them are understood: `--strict` asks for this. */
export const isComplete = (summary: TraceSummary): boolean => gaps(summary).length === 0;

/** Events are missing, or may be: what another event says cannot be held against what these would have said. */
export const hasHoles = (summary: TraceSummary): boolean =>
  isDamaged(summary) || Object.values(summary.lost).some((count) => count > 0);

/** What is missing, a line each; none of a complete trace. */
export function gaps(summary: TraceSummary): string[] {
  const { truncated, errorCount, errors, damaged, unknown } = summary;
  const { overwritten, reported, dropped, unnumbered, missing } = summary.lost;
  const found: string[] = [];
  if (overwritten > 0) found.push(`${events(overwritten)} LOST: overwritten before they were read`);
  if (reported > 0) found.push(`${events(reported)} LOST: the reader of the buffer was too slow`);
  if (unnumbered > 0)
    found.push(`events LOST ${times(unnumbered)}, the kernel does not say how many`);
  if (dropped > 0) found.push(`${events(dropped)} LOST: the buffer was full`);
  if (missing > 0) found.push(`${events(missing)} missing that the header counts`);
  if (truncated) found.push('the input ends too early');
  const [first] = errors;
  if (first !== undefined) {
    const names = byName(damaged);
    found.push(
      `${count(errorCount)} unreadable${names && `: ${names}`}`,
      `  first in ${first.place}: expected ${first.expected}`,
    );
  }
  if (Object.keys(unknown).length > 0) found.push(`not decoded: ${byName(unknown)}`);
  return found;
}

const count = (n: number): string => n.toLocaleString('en-US');
const events = (n: number): string => `${count(n)} ${n === 1 ? 'event' : 'events'}`;
const times = (n: number): string => (n === 1 ? 'once' : `${count(n)} times`);

/** `kvm_mmu_get_page 12, kvm_fpu 3`. */
const byName = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${name} ${count(n)}`)
    .join(', ');
